from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from foleyline_contract.errors import Cancelled
from foleyline_contract.fields import to_json
from foleyline_contract.messages import PROGRESS_STAGES, SEED_MAX, Clip, GenerateSettings
from foleyline_contract.specs import TAKE_SAMPLE_BYTES
from foleyline_server.pipeline.generate import Take, generate
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.runtime.bundles import LoadedBundle


class Log:
    """Everything a meter reports; cancels after so many checks."""

    def __init__(self, checks: int | None = None) -> None:
        self.reports: list[tuple[str, int, int, float]] = []
        self.checks = 0
        self.checks_max = checks

    def report(self, *report: object) -> None:
        self.reports.append(report)

    def check(self) -> None:
        self.checks += 1
        if self.checks_max is not None and self.checks > self.checks_max:
            raise Cancelled("enough")


def make(
    bundle: LoadedBundle, clip: Clip, log: Log | None = None, **settings: object
) -> list[Take]:
    log = log or Log()
    asked = GenerateSettings(**{"seed": 5, **settings})
    used = used_settings(asked, bundle.found.manifest.model.defaults)
    return list(generate(clip, used, bundle, Meter(used.takes, log.report, log.check)))


def clip_of(movie: Path, duration_s: Fraction | int | str, start_s: int = 0) -> Clip:
    return Clip(str(movie), Fraction(start_s), Fraction(duration_s))


@pytest.mark.parametrize("fps", ["24", "24000/1001", "25", "30000/1001", "30", "50", "60"])
@pytest.mark.parametrize("frames", [1, 2, 47, 100])
def test_takes_last_exactly_as_long_as_their_picture(tiny, movie, fps: str, frames: int) -> None:
    clip = clip_of(movie, frames / Fraction(fps))
    (take,) = make(tiny, clip)
    assert take.sample_count == round(frames * 48000 / Fraction(fps))
    assert len(take.pcm) == take.sample_count * TAKE_SAMPLE_BYTES


def test_a_take_is_the_same_whatever_else_is_in_the_job(tiny, movie: Path) -> None:
    clip = clip_of(movie, 3)
    takes = make(tiny, clip, takes=3)
    assert [take.seed for take in takes] == [5, 6, 7]
    for number, take in enumerate(takes):
        (alone,) = make(tiny, clip, seed=5 + number)
        assert alone.pcm == take.pcm
    assert takes[0].pcm != takes[1].pcm
    assert [take.seed for take in make(tiny, clip, seed=SEED_MAX, takes=2)] == [SEED_MAX, 0]


@pytest.mark.parametrize("settings", [{"sampler": "ddim"}, {"cfg_scale": 1.0}, {"steps": 1}])
def test_settings_are_used_and_recorded(tiny, movie: Path, settings: dict[str, object]) -> None:
    plain, other = make(tiny, clip_of(movie, 1)), make(tiny, clip_of(movie, 1), **settings)
    assert plain[0].pcm != other[0].pcm
    assert settings.items() <= other[0].provenance.items()


def test_provenance_tells_all_but_the_folder(tiny, movie: Path) -> None:
    clip = Clip(str(movie), Fraction(1, 3), Fraction(1001, 1000), Fraction(3, 2))
    (take,) = make(tiny, clip)
    record = to_json(take.provenance)
    assert record["bundle"] == "tiny" and record["bundle_sha256"] == tiny.found.sha256
    assert (record["start_s"], record["duration_s"], record["speed"]) == ("1/3", "1001/1000", "3/2")
    assert record["source_file"] == "scene.mp4" and str(movie.parent) not in str(record)
    assert {"foleyline", "numpy", "onnxruntime"} <= set(record["versions"])
    wanted = {"bundle_version", "licence", "seed", "take", "sampler", "steps", "cfg_scale"}
    assert wanted | {"align_scale"} <= set(record)


def test_alignment_is_scored_only_when_it_guides(tiny, movie: Path) -> None:
    assert make(tiny, clip_of(movie, 2))[0].log_p_aligned is not None
    assert make(tiny, clip_of(movie, 2), align_scale=0.0)[0].log_p_aligned is None


def test_the_aligner_is_not_touched_at_scale_zero(tiny, movie: Path) -> None:
    without = replace(tiny, graphs={k: v for k, v in tiny.graphs.items() if k != "aligner"})
    untouched = {**without.graphs, "aligner": None}
    assert make(replace(tiny, graphs=untouched), clip_of(movie, 1), align_scale=0.0)


def test_progress_never_falls_and_counts_every_step(tiny, movie: Path) -> None:
    log = Log()
    make(tiny, clip_of(movie, 3), log, takes=2, steps=4)
    fractions = [report[3] for report in log.reports]
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1)
    assert {report[0] for report in log.reports} <= set(PROGRESS_STAGES)
    steps = [report[1] for report in log.reports if report[0] == "sampling"]
    assert steps == [0, 1, 2, 3, 4] * 2


def test_cancelling_is_heard_at_every_check(tiny, movie: Path) -> None:
    log = Log()
    make(tiny, clip_of(movie, 3), log)
    # One per decoded frame, chunk, window and step, and vocoder batch.
    assert log.checks > 90
    for checks in range(0, log.checks, 17):
        stopped = Log(checks)
        with pytest.raises(Cancelled):
            make(tiny, clip_of(movie, 3), stopped)
        assert stopped.checks == checks + 1


def test_a_long_clip_hears_its_whole_picture(tiny, movie: Path) -> None:
    """The tiny decoder's loudness follows brightness, so the sound must follow the picture."""
    (take,) = make(tiny, clip_of(movie, 8), align_scale=0.0, cfg_scale=1.0)
    raw = np.frombuffer(take.pcm, np.uint8).reshape(-1, 3).astype(np.int32)
    value = raw[:, 0] | (raw[:, 1] << 8) | (raw[:, 2] << 16)
    sound = np.where(value >= 1 << 23, value - (1 << 24), value).astype(np.float64)
    loud = np.sqrt((sound.reshape(-1, 6000) ** 2).mean(axis=1))
    time_s = (np.arange(len(loud)) + 0.5) / 8
    bright = (time_s * 25) % 50
    settled = (bright > 5) & (bright < 45)
    assert np.corrcoef(np.log(loud[settled]), bright[settled])[0, 1] > 0.9
