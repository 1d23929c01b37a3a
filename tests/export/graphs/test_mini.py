from pathlib import Path

import pytest
import torch

from foleyline_contract.bundle import GRAPHS
from foleyline_export.graphs.mini import graph_specs
from foleyline_training.checkpoints import save_checkpoint
from foleyline_training.config import load_config
from foleyline_training.stages.networks import (
    make_aligner,
    make_autoencoder,
    make_cavp,
    make_denoiser,
)

TINY = Path(__file__).parents[2] / "training" / "tiny.toml"
MATERIALS = 3


@pytest.fixture(scope="module")
def config():
    return load_config(str(TINY))


@pytest.fixture(scope="module")
def specs(config, tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    for name, network in (
        ("cavp", make_cavp(config, MATERIALS)),
        ("autoencoder", make_autoencoder(config)),
        ("diffusion", make_denoiser(config)),
        ("classifier", make_aligner(config)),
    ):
        save_checkpoint(run / f"{name}.pt", {"weights": network.state_dict()})
    return {spec.name: spec for spec in graph_specs(config, run, MATERIALS)}


def test_all_graphs_of_a_bundle_are_there(specs):
    assert tuple(specs) == GRAPHS


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("video_encoder", "pictures", "features"),
        ("condition_encoder", "features", "condition"),
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
