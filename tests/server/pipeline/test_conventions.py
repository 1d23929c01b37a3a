"""What docs/conventions.md promises and no other module's tests hold."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from foleyline_contract.messages import Clip, GenerateSettings
from foleyline_server.media.frames import iter_pictures
from foleyline_server.pipeline.generate import see
from foleyline_server.pipeline.guidance import Guidance
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.pipeline.sampling import SeenClip, sample
from foleyline_server.pipeline.schedule import NoiseLevel
from foleyline_server.runtime.bundles import LoadedBundle

ROOT = Path(__file__).parents[3]
METER = Meter(1, lambda *_: None, lambda: None)


class Spy:
    """A graph that remembers what it was fed."""

    def __init__(self, graph, offset: float = 0.0) -> None:
        self.graph, self.offset = graph, offset
        self.calls: list[dict[str, np.ndarray]] = []

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        self.calls.append(inputs)
        return {name: value + self.offset for name, value in self.graph(**inputs).items()}


def sampled(
    bundle: LoadedBundle, movie: Path, **settings: object
) -> tuple[SeenClip, dict[str, Spy]]:
    """What the networks are fed for four seconds of film."""
    spies = {name: Spy(graph) for name, graph in bundle.graphs.items()}
    spies["condition_encoder"].offset = 7.0
    watched = replace(bundle, graphs=spies)
    asked = GenerateSettings(seed=1, **settings)
    manifest = bundle.found.manifest
    used = used_settings(asked, manifest.model.defaults, manifest.graphs)
    seen = see(Clip(str(movie), Fraction(0), Fraction(4)), watched, METER, iter_pictures)
    sample(seen, watched, used, 0, METER)
    return seen, spies


def test_cfg_scale_is_one_more_than_the_papers_omega() -> None:
    omega, latents = 3.5, np.zeros((1, 2, 4), np.float32)

    def unet(**inputs: np.ndarray) -> dict[str, np.ndarray]:
        noise = inputs["condition"].mean((1, 2), keepdims=True) + 2
        return {"prediction": np.broadcast_to(noise, inputs["latent"].shape)}

    conditions = np.full((1, 3, 5), 4.0, np.float32)
    guidance = Guidance(unet, unet, "epsilon", cfg_scale=1 + omega, align_scale=0.0)
    noise = guidance.noise(latents, NoiseLevel(500.0, 0.6, 0.8), conditions, conditions)
    conditional, unconditional = 6.0, 2.0
    assert noise == pytest.approx((1 + omega) * conditional - omega * unconditional)


def test_the_unconditional_row_is_zeros_after_the_condition_encoder(uneven, movie) -> None:
    """The condition encoder answers features of zeros with sevens here."""
    _, spies = sampled(uneven, movie, cfg_scale=2.0)
    for call in spies["unet"].calls:
        unconditional, conditional = call["condition"]
        assert (unconditional == 0).all()
        assert (conditional >= 7).all()


def test_the_aligner_sees_the_windows_own_features(uneven, movie: Path) -> None:
    seen, spies = sampled(uneven, movie, steps=5)
    windows = seen.plan.count
    assert windows == 3
    # Five steps, and the score of what came out.
    assert len(spies["aligner"].calls) == 6 * windows
    for number, call in enumerate(spies["aligner"].calls):
        assert (call["features"] == seen.features[number % windows]).all()
    assert not (seen.features[0] == seen.features[1]).all()


def test_both_networks_are_fed_the_fractional_step(uneven, movie: Path) -> None:
    seen, spies = sampled(uneven, movie, steps=25, sampler="dpm-solver++2m")
    wanted = np.linspace(999, 0, 26)[:-1].astype(np.float32)
    assert wanted[1] == pytest.approx(959.04) and wanted[-1] == pytest.approx(39.96)
    for name in ("unet", "aligner"):
        calls = spies[name].calls[: 25 * seen.plan.count]
        fed = np.array([call["timestep"] for call in calls])
        assert (fed == fed[:, :1]).all()
        assert fed[:: seen.plan.count, 0] == pytest.approx(wanted, rel=1e-6)


def test_plms_is_guided_too(uneven, movie: Path) -> None:
    seen, spies = sampled(uneven, movie, steps=4, sampler="plms")
    # One more than steps, because the first is taken twice; and the score.
    assert len(spies["unet"].calls) == 5 * seen.plan.count
    assert len(spies["aligner"].calls) == 6 * seen.plan.count


def test_every_convention_names_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| (?!convention)", line)]
    assert len(rows) > 15
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row.split("|")[-2])
        assert named, f"no test is named: {row[:60]}"
        for path, test in named:
            assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), (path, test)
