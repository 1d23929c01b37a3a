from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from foleyline_contract.bundle import GRAPHS
from foleyline_export.graph_file import save_graph
from foleyline_export.graphs.mini import graph_specs
from foleyline_export.trace import to_onnx
from foleyline_export.verify import verify
from foleyline_training.checkpoints import save_checkpoint
from foleyline_training.config import load_config
from foleyline_training.stages.networks import (
    make_aligner,
    make_autoencoder,
    make_cavp,
    make_denoiser,
)

TINY = Path(__file__).parents[2] / "training" / "tiny.toml"
MATERIALS, PALETTE = 3, 3


@pytest.fixture(scope="module")
def config():
    return load_config(str(TINY))


def specs_of(config, run, palette):
    for name, network in (
        ("cavp", make_cavp(config, MATERIALS)),
        ("autoencoder", make_autoencoder(config)),
        ("diffusion", make_denoiser(config, palette)),
        ("classifier", make_aligner(config)),
    ):
        save_checkpoint(run / f"{name}.pt", {"weights": network.state_dict()})
    return {spec.name: spec for spec in graph_specs(config, run, MATERIALS, palette)}


@pytest.fixture(scope="module")
def specs(config, tmp_path_factory):
    return specs_of(config, tmp_path_factory.mktemp("run"), PALETTE)


@pytest.fixture(scope="module")
def without_palette(config, tmp_path_factory):
    return specs_of(config, tmp_path_factory.mktemp("run"), 0)


def test_all_graphs_of_a_bundle_are_there(specs):
    assert tuple(specs) == GRAPHS


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("video_encoder", "pictures", "features"),
        ("condition_encoder", "features palette", "condition"),
        ("unet", "latent timestep condition", "prediction"),
        ("aligner", "latent timestep features", "log_prob gradient"),
        ("latent_decoder", "latent", "mel"),
    ],
)
def test_names_are_those_of_the_document(specs, name, inputs, outputs):
    """docs/bundle.md, section Graphs."""
    assert list(specs[name].inputs) == inputs.split()
    assert list(specs[name].outputs) == outputs.split()
    assert all(0 in axes for axes in specs[name].inputs.values())


def test_without_a_palette_nothing_can_be_asked_for(without_palette):
    encoder = without_palette["condition_encoder"]
    assert list(encoder.inputs) == list(encoder.samples(2)) == ["features"]


@pytest.mark.parametrize("palette", [0, PALETTE])
def test_exported_condition_encoder_is_the_network(specs, without_palette, palette, busy, tmp_path):
    spec = (specs if palette else without_palette)["condition_encoder"]
    spec = replace(spec, network=busy(deepcopy(spec.network)))
    save_graph(to_onnx(spec), tmp_path / "condition_encoder.onnx")
    verify(spec, tmp_path / "condition_encoder.onnx", spec.tolerance)


def test_samples_ask_for_nothing_and_for_something(specs):
    rows = specs["condition_encoder"].samples(6)["palette"]
    assert rows.sum(1).tolist() == [0, 1, 1, 1, 0, 1]
    assert rows[1:4].equal(torch.eye(3))


def test_shapes_are_those_of_the_document(specs, config):
    spec = config.model_spec(scale_factor=1.0, margin=0)
    window, latent = spec.features.per_window, (2, *spec.latent.shape)
    wanted = {
        "video_encoder": (2, specs["video_encoder"].samples(2)["pictures"].shape[1], 8),
        "condition_encoder": (2, window, spec.features.condition_dim),
        "unet": latent,
        "aligner": (2,),
        "latent_decoder": (2, spec.mel.bands, spec.window_mel_frames),
    }
    for name, shape in wanted.items():
        samples = specs[name].samples(2)
        assert specs[name].network(*samples.values()).shape == shape
        for value in (samples[key] for key in samples if key == "latent"):
            assert value.shape == latent


def test_samples_ask_between_the_steps_of_training(specs):
    for batch in (1, 2, 3):
        timestep = specs["unet"].samples(batch)["timestep"]
        assert timestep.shape == (batch,)
        assert (timestep != timestep.round()).any()
        assert timestep.max() < 1000


def test_networks_are_frozen(specs):
    for spec in specs.values():
        assert not spec.network.training
        assert not any(weight.requires_grad for weight in spec.network.parameters())
    assert torch.is_grad_enabled()
