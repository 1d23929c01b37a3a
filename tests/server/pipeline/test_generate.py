from dataclasses import replace
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import numpy as np
import pytest
from coded_video import brightness, steady, write_video

from foleyline_contract.errors import Cancelled, SettingInvalid
from foleyline_contract.fields import to_json
from foleyline_contract.messages import (
    PROGRESS_STAGES,
    SEED_MAX,
    TAKE_FLAGS,
    Clip,
    GenerateSettings,
)
from foleyline_contract.specs import TAKE_SAMPLE_BYTES
from foleyline_server.media.frames import iter_pictures
from foleyline_server.media.pictures import as_values
from foleyline_server.pipeline.generate import Take, decode, generate, see
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.pipeline.sampling import SeenClip, encode_conditions, sample
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES, BundleShelf, LoadedBundle
from foleyline_server.runtime.session import RuntimeOptions


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
    manifest = bundle.found.manifest
    used = used_settings(asked, manifest.model.defaults, manifest.graphs)
    meter = Meter(used.takes, log.report, log.check)
    return list(generate(clip, used, bundle, meter, iter_pictures))


def clip_of(movie: Path, duration_s: Fraction | int | str, start_s: int = 0) -> Clip:
    return Clip(str(movie), Fraction(start_s), Fraction(duration_s))


def loudness(take: Take, samples: int) -> np.ndarray:
    """Root mean square of every stretch of so many samples."""
    raw = np.frombuffer(take.pcm, np.uint8).reshape(-1, 3).astype(np.int32)
    value = raw[:, 0] | (raw[:, 1] << 8) | (raw[:, 2] << 16)
    sound = np.where(value >= 1 << 23, value - (1 << 24), value).astype(np.float64)
    return np.sqrt((sound.reshape(-1, samples) ** 2).mean(axis=1))


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
    assert wanted | {"align_scale", "vocoder"} <= set(record)
    assert (record["seed_family"], record["variation"]) == (None, None)
    assert (record["loudness_target_lufs"], record["gain_db"]) == (None, 0)
    assert record["loudness_lufs"] == pytest.approx(take.loudness_lufs, abs=1e-3)
    assert record["true_peak_dbtp"] >= take.peak_dbfs - 1e-3


# ---- level, near-silence, families ---------------------------------------------------------


BRIGHT_S = 1
"""From here the film is bright for a second, and the tiny bundle loud."""


def test_a_target_is_met_and_recorded(tiny, movie: Path) -> None:
    (plain,) = make(tiny, clip_of(movie, 1, BRIGHT_S))
    (take,) = make(tiny, clip_of(movie, 1, BRIGHT_S), loudness_lufs=-30.0)
    assert take.loudness_lufs == pytest.approx(-30)
    assert take.provenance["loudness_target_lufs"] == -30
    assert take.provenance["gain_db"] == pytest.approx(-30 - plain.loudness_lufs, abs=0.01)
    assert take.peak_dbfs - plain.peak_dbfs == pytest.approx(take.provenance["gain_db"], abs=0.01)


class Mute:
    """A latent decoder that gives silence for the first latents it sees, and keeps to that."""

    def __init__(self, bundle: LoadedBundle, silent: int) -> None:
        self.decoder = bundle.graphs["latent_decoder"]
        self.bundle = replace(bundle, graphs={**bundle.graphs, "latent_decoder": self})
        self.silent, self.known = silent, []

    def __call__(self, latent: np.ndarray) -> dict[str, np.ndarray]:
        key = latent.tobytes()
        if key not in self.known:
            self.known.append(key)
        heard = self.known.index(key) >= self.silent
        return {"mel": self.decoder(latent=latent)["mel"] * np.float32(heard)}


def test_a_silent_take_is_made_once_more_with_another_seed(tiny, movie: Path) -> None:
    mute, clip = Mute(tiny, 1), clip_of(movie, 1, BRIGHT_S)
    take, after = make(mute.bundle, clip, takes=2, align_scale=0.0)
    assert len(mute.known) == 3
    assert (take.flags, after.flags, after.seed) == (("rerolled",), (), 6)
    assert take.seed not in (5, 6) and take.provenance["seed"] == take.seed
    (alone,) = make(mute.bundle, clip, seed=take.seed, align_scale=0.0)
    assert (alone.pcm, alone.flags) == (take.pcm, ())
    (same,) = make(mute.bundle, clip, seed=5, align_scale=0.0)
    assert (same.pcm, same.seed, same.flags) == (take.pcm, take.seed, take.flags)


def test_what_stays_silent_says_so_and_is_not_turned_up(tiny, movie: Path) -> None:
    mute, clip = Mute(tiny, 2), clip_of(movie, 1, BRIGHT_S)
    for _ in range(2):
        (take,) = make(mute.bundle, clip, loudness_lufs=-23.0)
        assert take.flags == TAKE_FLAGS and len(mute.known) == 2
        assert (take.seed, take.loudness_lufs, take.provenance["gain_db"]) == (5, None, 0)


@pytest.mark.parametrize(("again", "kept"), [(-0.5, "silent"), (-0.2, "heard")])
def test_a_second_try_must_fit_no_worse_than_silence(
    tiny, movie: Path, again: float, kept: str
) -> None:
    """A tick over a still picture is no better than the silence before it."""
    scores = iter([-0.3, again])

    class Aligner:
        def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
            given = tiny.graphs["aligner"](**inputs)
            last = (inputs["timestep"] == 0).all()
            return {**given, "log_prob": np.float32([next(scores)])} if last else given

    bundle = Mute(tiny, 1).bundle
    bundle = replace(bundle, graphs={**bundle.graphs, "aligner": Aligner()})
    (take,) = make(bundle, clip_of(movie, 1, BRIGHT_S))
    assert (take.seed == 5) == (kept == "silent")
    assert take.flags == (TAKE_FLAGS if kept == "silent" else ("rerolled",))


def test_a_family_begins_with_its_own_take(tiny, movie: Path) -> None:
    clip = clip_of(movie, 1, BRIGHT_S)
    (original,) = make(tiny, clip, seed=5)
    first, own, last = make(tiny, clip, seed=4, takes=3, seed_family=5, variation=0.3)
    assert (first.seed, own.seed, last.seed) == (4, 5, 6)
    assert own.pcm == original.pcm and len({first.pcm, own.pcm, last.pcm}) == 3
    assert (last.provenance["seed_family"], last.provenance["variation"]) == (5, 0.3)
    (alone,) = make(tiny, clip, seed=6, seed_family=5, variation=0.3)
    assert alone.pcm == last.pcm


def test_nothing_of_the_family_is_left_at_the_full_variation(tiny, movie: Path) -> None:
    clip = clip_of(movie, 1, BRIGHT_S)
    (far,) = make(tiny, clip, seed=6, seed_family=5, variation=1.0)
    (stranger,) = make(tiny, clip, seed=6)
    assert far.pcm == stranger.pcm


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
    loud = loudness(take, 6000)
    time_s = (np.arange(len(loud)) + 0.5) / 8
    bright = (time_s * 25) % 50
    settled = (bright > 5) & (bright < 45)
    assert np.corrcoef(np.log(loud[settled]), bright[settled])[0, 1] > 0.9


# ---- any length, any ratio of pictures to latent columns ----------------------------------

UNEVEN_LENGTHS = {"1/4": 1, "1": 1, "2": 1, "2001/1000": 2, "5/2": 2, "7/2": 3, "14": 10}
"""Seconds to windows of the bundle ``uneven``, which sees 2 s and hops by 1.408 s."""


def half_speed(movie: Path, duration_s: Fraction | str) -> Clip:
    """Ten seconds of film are enough for twenty of clip."""
    return Clip(str(movie), Fraction(1, 25), Fraction(duration_s), Fraction(1, 2))


def seen_by(bundle: LoadedBundle, clip: Clip) -> SeenClip:
    return see(clip, bundle, Meter(1, Log().report, Log().check), iter_pictures)


@pytest.mark.parametrize("duration_s", UNEVEN_LENGTHS)
def test_a_clip_of_any_length_gets_its_samples(uneven, movie: Path, duration_s: str) -> None:
    clip = half_speed(movie, duration_s)
    (take,) = make(uneven, clip)
    assert take.sample_count == clip.sample_count == Fraction(duration_s) * 48000
    assert len(take.pcm) == take.sample_count * TAKE_SAMPLE_BYTES
    (again,) = make(uneven, clip)
    assert again.pcm == take.pcm


@pytest.mark.parametrize(("duration_s", "windows"), UNEVEN_LENGTHS.items())
def test_every_window_sees_the_pictures_of_its_own_grid(
    uneven, movie: Path, duration_s: str, windows: int
) -> None:
    clip = half_speed(movie, duration_s)
    seen = seen_by(uneven, clip)
    assert seen.plan.count == windows
    for window in range(windows):
        shown: list[int] = []
        for point in range(8):
            time_s = seen.plan.start_s(window) + Fraction(point, 4)
            if time_s < clip.duration_s:  # else the last one is held
                source_s = clip.start_s + (time_s + Fraction(1, 8)) / 2
                end_s = clip.start_s + clip.duration_s / 2
                picture = min(floor(source_s * 25), ceil(end_s * 25) - 1)
            shown.append(picture)
        bright = np.array([brightness(number) for number in shown]) / 255
        assert seen.features[window][:, 0] == pytest.approx(bright, abs=0.008)
    conditions = encode_conditions(seen, uneven, None, Meter(1, Log().report, Log().check))
    assert conditions == pytest.approx(seen.features / 2)


def conditions_of(bundle: LoadedBundle, clip: Clip, palette: str | None) -> np.ndarray:
    seen = seen_by(bundle, clip)
    return encode_conditions(seen, bundle, palette, Meter(1, Log().report, Log().check))


@pytest.mark.parametrize("per_batch", [1, 2, 64])
def test_every_window_is_asked_for_the_sound(askable, movie: Path, per_batch: int) -> None:
    bundle, clip = replace(askable, windows_per_batch=per_batch), clip_of(movie, 4)
    auto = conditions_of(bundle, clip, None)
    assert len(auto) == 5
    assert conditions_of(bundle, clip, "wood") == pytest.approx(auto + 0.5)
    assert conditions_of(bundle, clip, "footstep_loose") == pytest.approx(auto + 1)


def test_a_bundle_says_how_much_the_sound_counts(askable, movie: Path) -> None:
    manifest, clip = askable.found.manifest, clip_of(movie, 4)
    defaults = replace(manifest.model.defaults, palette_scale=3.0)
    louder = replace(manifest, model=replace(manifest.model, defaults=defaults))
    strong = replace(askable, found=replace(askable.found, manifest=louder))
    auto = conditions_of(askable, clip, None)
    assert conditions_of(strong, clip, "wood") == pytest.approx(auto + 1.5)
    assert conditions_of(strong, clip, None) == pytest.approx(auto)


def test_asking_for_a_sound_is_heard_and_recorded(askable, tiny, movie: Path) -> None:
    auto, wood, loose = (
        make(askable, clip_of(movie, 2), palette=palette)[0]
        for palette in (None, "wood", "footstep_loose")
    )
    assert len({take.pcm for take in (auto, wood, loose)}) == 3
    assert [take.provenance["palette"] for take in (auto, wood)] == [None, "wood"]
    (plain,) = make(tiny, clip_of(movie, 2))
    assert auto.pcm == plain.pcm  # the networks are the same but for what is asked for


def test_variations_keep_the_sound(askable, movie: Path) -> None:
    """A family is its noise; the sound that is asked for goes with it."""
    clip, family = clip_of(movie, 2), {"seed_family": 9, "variation": 0.01}
    (wood,) = make(askable, clip, seed=9, palette="wood")
    (near,) = make(askable, clip, seed=1, palette="wood", **family)
    (auto,) = make(askable, clip, seed=1, **family)
    wood, near, auto = (loudness(take, 4800) for take in (wood, near, auto))
    assert np.abs(near - wood).max() < np.abs(auto - wood).max()


def test_without_a_condition_it_asks_in_vain(askable, movie: Path) -> None:
    auto, wood = (
        make(askable, clip_of(movie, 1), cfg_scale=0.0, palette=palette)[0]
        for palette in (None, "wood")
    )
    assert auto.pcm == wood.pcm


@pytest.mark.parametrize("palette", ["wod", "auto", ""])
def test_a_sound_that_the_bundle_lacks_is_never_left_out(askable, movie: Path, palette) -> None:
    with pytest.raises(SettingInvalid, match="only for wood, footstep_loose"):
        make(askable, clip_of(movie, 1), palette=palette)


@pytest.mark.parametrize("per_batch", [2, 3, 64])
@pytest.mark.parametrize("settings", [{}, {"cfg_scale": 1.0}, {"align_scale": 0.0}])
def test_windows_sampled_in_batches_are_the_same(uneven, movie, per_batch, settings) -> None:
    clip = half_speed(movie, "14")
    asked = GenerateSettings(seed=5, **settings)
    used = used_settings(asked, uneven.found.manifest.model.defaults)
    seen, meter = seen_by(uneven, clip), Meter(1, Log().report, Log().check)
    batched = replace(uneven, windows_per_batch=per_batch)
    latent, log_p = sample(seen, uneven, used, 0, meter)
    again, log_p_again = sample(seen, batched, used, 0, meter)
    assert again == pytest.approx(latent, abs=1e-5)
    assert log_p_again == pytest.approx(log_p)
    mel = decode(latent, seen.plan, uneven, meter)
    assert decode(latent, seen.plan, batched, meter) == pytest.approx(mel, abs=1e-6)


@pytest.mark.parametrize("per_batch", [1, 4])
def test_a_cancelled_job_calls_no_network_again(uneven, movie: Path, per_batch: int) -> None:
    log = Log()
    calls: list[int] = []

    def unet(**inputs: np.ndarray) -> object:
        calls.append(len(inputs["latent"]))
        if len(calls) == 7:
            log.checks_max = log.checks  # from now on, every check cancels
        return uneven.graphs["unet"](**inputs)

    bundle = replace(uneven, graphs={**uneven.graphs, "unet": unet}, windows_per_batch=per_batch)
    with pytest.raises(Cancelled):
        make(bundle, half_speed(movie, "14"), log, steps=20)
    assert len(calls) == 7
    assert max(calls) == 2 * per_batch


def test_sound_does_not_drift_against_the_picture(uneven, tmp_path: Path) -> None:
    """Sixteen flashes over ten windows: each is heard when it is seen."""
    flashes_s = np.arange(16) * 0.9 + 0.5
    stamps = steady(375, 25)
    path = write_video(
        tmp_path / "flashes.mp4",
        stamps,
        levels=[250 if np.any(abs(float(at) - flashes_s) < 0.25) else 5 for at in stamps],
    )
    (take,) = make(uneven, clip_of(path, 15), align_scale=0.0, cfg_scale=1.0, steps=8)
    loud = loudness(take, 480)
    time_s = (np.arange(len(loud)) + 0.5) / 100
    heard = loud > np.sqrt(np.percentile(loud, 5) * np.percentile(loud, 95))
    shifts: list[float] = []
    for flash_s in flashes_s:
        near = heard & (abs(time_s - flash_s) < 0.45)
        shifts.append(float(time_s[near].mean() - flash_s))
    # Four pictures a second leave an eighth of a second to either side; the pictures of the
    # windows lie differently, and on the whole it evens out.
    assert np.abs(shifts).max() < 0.16
    assert abs(np.mean(shifts[:8]) - np.mean(shifts[8:])) < 0.05


# ---- the bundle that comes with the server ------------------------------------------------


@pytest.fixture(scope="module")
def packaged() -> LoadedBundle:
    shelf = BundleShelf([PACKAGED_BUNDLES], RuntimeOptions(("CPUExecutionProvider",), threads=1))
    if not shelf.infos():
        pytest.skip("the packaged bundle is not here")
    return shelf.load(shelf.find(None))


def test_windows_on_one_grid_have_the_features_of_the_clip_in_one_piece(packaged, movie) -> None:
    clip, model = clip_of(movie, 8), packaged.found.manifest.model
    seen = seen_by(packaged, clip)
    times = [point / model.picture.fps for point in range(125)]
    pictures = as_values(list(iter_pictures(clip, model.picture, times)), model.picture)
    whole = packaged.graphs["video_encoder"](pictures=pictures[None])["features"][0]
    assert seen.plan.count == 3
    for window, first in enumerate(seen.plan.starts):
        assert seen.features[window] == pytest.approx(whole[first : first + 64], abs=1e-4)


def test_real_windows_sampled_in_one_batch_are_the_same(packaged, movie: Path) -> None:
    asked = GenerateSettings(seed=5, steps=2)
    manifest = packaged.found.manifest
    used = used_settings(asked, manifest.model.defaults, manifest.graphs)
    seen, meter = seen_by(packaged, clip_of(movie, 8)), Meter(1, Log().report, Log().check)
    one, _ = sample(seen, packaged, used, 0, meter)
    three, _ = sample(seen, replace(packaged, windows_per_batch=3), used, 0, meter)
    assert np.linalg.norm(three - one) < 1e-4 * np.linalg.norm(one)
