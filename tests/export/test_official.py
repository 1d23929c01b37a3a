"""The released system at a size that fits a test, from files like the released ones to a take."""

import csv
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from foleyline_contract.bundle import GRAPHS, read_manifest, verify_files
from foleyline_contract.messages import Clip, GenerateSettings
from foleyline_export.official import Request, export_official, plan_bundle
from foleyline_export.reference.rule import write_rule_checkpoint
from foleyline_server.media.frames import iter_pictures
from foleyline_server.pipeline.generate import generate
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.runtime.session import RuntimeOptions
from foleyline_training.models.diff_foley.spec import MODEL

FILM = Path(__file__).parents[2] / "examples" / "workshop.mp4"
CPU = RuntimeOptions(("CPUExecutionProvider",), 1)


@pytest.fixture(scope="module")
def request_(sizes, tmp_path_factory):
    """Files with the rule's weights. The autoencoder has to widen a mel eightfold to fit."""
    full_width = replace(sizes, autoencoder_multipliers=(1, 1, 1, 1))
    folder = tmp_path_factory.mktemp("weights")
    paths = {name: folder / f"{name}.ckpt" for name in ("cavp", "ldm", "classifier")}
    for kind, path in paths.items():
        write_rule_checkpoint(path, kind, full_width)
    return Request(**paths, sizes=full_width)


def test_plan_holds_what_the_files_hold(request_):
    plan = plan_bundle(request_)
    assert list(plan.graphs) == [*GRAPHS, "spectrogram_encoder", "latent_encoder"]
    assert set(plan.inputs) == {"cavp", "ldm", "classifier"}
    assert plan.model == MODEL
    encoded = plan_bundle(replace(request_, aligner_condition="encoded"))
    assert encoded.model.aligner.condition == "encoded"
    assert encoded.key() != plan.key()


@pytest.fixture(scope="module")
def bundle(request_, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "official"
    export_official(replace(request_, precision="fp16"), folder)
    return folder


@pytest.mark.slow
def test_bundle_says_where_it_is_from_and_how_exact_it_is(bundle):
    manifest = read_manifest(bundle)
    verify_files(bundle, manifest)
    assert manifest.precision == "fp16"
    for graph in GRAPHS:
        report = manifest.parity[graph]
        official = [d["relative_l2"] for d in report["official"].values()]
        assert 0 < max(official) < 1e-4
        assert all(d["relative_l2"] < 1e-4 for d in report["fp32"].values())
        assert all(0 < d["relative_l2"] < 1e-2 for d in report["fp16"].values())
    assert manifest.parity["aligner"]["used"] == "fp32"
    with (bundle / manifest.attributions).open(newline="", encoding="utf-8") as table:
        assert [row["licence"] for row in csv.DictReader(table)][:3] == ["MIT"] * 3


@pytest.mark.slow
def test_graphs_take_any_batch_and_length(bundle):
    rng = np.random.default_rng(0)

    def run(graph, **inputs):
        session = onnxruntime.InferenceSession(bundle / f"{graph}.onnx")
        return session.run(None, {name: np.float32(value) for name, value in inputs.items()})

    latent = rng.standard_normal((70, *MODEL.latent.shape))
    times, condition = np.linspace(1, 999, 70), rng.standard_normal((70, 40, 768))
    (prediction,) = run("unet", latent=latent, timestep=times, condition=condition)
    alone = run("unet", latent=latent[:1], timestep=times[:1], condition=condition[:1])[0]
    np.testing.assert_allclose(prediction[:1], alone, atol=2e-2)
    features = rng.standard_normal((1, 33, 512))  # the release shows it the whole clip
    log_prob, gradient = run("aligner", latent=latent[:1], timestep=times[:1], features=features)
    assert (log_prob.shape, gradient.shape) == ((1,), (1, *MODEL.latent.shape))
    (mel,) = run("latent_decoder", latent=latent[:1, :, :, :9])
    assert mel.shape == (1, MODEL.mel.bands, 72)


@pytest.mark.slow
@pytest.mark.parametrize("duration_s", [Fraction(1, 4), Fraction(8), Fraction(1001, 100)])
def test_rule_weights_make_noise_of_exactly_the_pictures_length(bundle, duration_s):
    """Not sound: the weights were drawn, not trained. The whole way through the server's code."""
    loaded = BundleShelf([bundle], CPU).load(BundleShelf([bundle], CPU).find(None))
    defaults = loaded.found.manifest.model.defaults
    settings = used_settings(GenerateSettings(seed=3, steps=2), defaults)
    clip = Clip(str(FILM), Fraction(0), duration_s, speed=Fraction(1, 2))
    meter = Meter(1, lambda *_: None, lambda: None)
    (take,) = generate(clip, settings, loaded, meter, iter_pictures)
    (again,) = generate(clip, settings, loaded, meter, iter_pictures)
    assert take.sample_count == round(duration_s * 48_000)
    assert take.pcm == again.pcm
    assert take.log_p_aligned < 0
    assert take.provenance["bundle"] == "diff-foley"
