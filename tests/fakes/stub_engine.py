"""An engine without networks: it hears a click wherever the picture flashes.

The picture is read by the server's own code. A click's first sample is its loudest and lies
where the flash's frame begins, so that placement is proven to the sample; clips without a
flash get a click every half second. The pitch tells the seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import PurePath
from threading import Lock

import numpy as np

from foleyline_contract.errors import ERRORS_BY_CODE, BundleUnknown
from foleyline_contract.messages import BundleInfo, Clip, GenerateSettings
from foleyline_contract.palette import require_sound
from foleyline_contract.specs import TAKE_RATE_HZ, SamplingDefaults
from foleyline_server.media.frames import seen_frames
from foleyline_server.media.video_file import Scaler, TimedFrame, VideoFile
from foleyline_server.pipeline.generate import Take
from foleyline_server.pipeline.pcm import to_pcm
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.service.engine import Arrays, Order

STEPS = 25
DEFAULTS = SamplingDefaults("dpm-solver++2m", STEPS, 4.5, 50.0, "griffin-lim")
CLICK_PEAK = 0.5
FLASH = 60.0
"""Rise of the mean brightness, of 255, from one frame to the next."""
_LOOK_S = Fraction(1, 500)
"""Shorter frames are overlooked; a flash's own time is exact."""
_SIDE_PX = 16
_NAP_S = 0.05
"""Longest sleep without a look whether the job goes on: tests cancel jobs of half a minute."""
BUNDLE = BundleInfo(
    name="mini",
    version="1",
    family="diff-foley",
    licence="CC0-1.0",
    description="Clicks, for tests",
    sha256="0" * 64,
    sampler=DEFAULTS.sampler,
    steps=DEFAULTS.steps,
    cfg_scale=DEFAULTS.cfg_scale,
    align_scale=DEFAULTS.align_scale,
    vocoder=DEFAULTS.vocoder,
    picture_width_px=64,
    picture_height_px=64,
    picture_fps=Fraction(16),
    palette=("wood", "metal", "footstep_loose"),
)


class StubEngine:
    """See Engine; ``seen`` and ``made`` count what it was asked to do.

    Args:
        job_s: how long a job takes, whatever it asks for.
        fail: code of an error that ends every job halfway.
        lanes: jobs at once.
        steps: of a take.
    """

    default_bundle = BUNDLE.name
    providers = ("CPUExecutionProvider",)

    def __init__(
        self, job_s: float = 0.0, fail: str | None = None, lanes: int = 1, steps: int = STEPS
    ) -> None:
        self.job_s, self.lanes, self.steps = job_s, lanes, steps
        self._fail = fail
        self._lock = Lock()
        self.seen = 0
        self.made: list[tuple[str, int]] = []
        """File's name and seed of every take."""

    def infos(self) -> tuple[BundleInfo, ...]:
        return (BUNDLE,)

    def loaded(self) -> tuple[str, ...]:
        return (BUNDLE.name,) if self.seen else ()

    def order(self, settings: GenerateSettings) -> Order:
        if settings.bundle not in (None, BUNDLE.name):
            raise BundleUnknown(f"There is no bundle {settings.bundle!r}.")
        require_sound(settings.palette, BUNDLE.palette, BUNDLE.name)
        used = used_settings(settings, DEFAULTS)
        return Order(BUNDLE.name, BUNDLE.sha256, used, used.steps == DEFAULTS.steps)

    def device(self, order: Order) -> str:
        return self.providers[0]

    def at_work(self) -> AbstractContextManager[None]:
        return nullcontext()

    def aside(self) -> AbstractContextManager[None]:
        return nullcontext()

    def see(self, clip: Clip, order: Order, meter: Meter) -> Arrays:
        with self._lock:
            self.seen += 1
        meter.decoding()
        found = np.array(flashes(clip, meter.check), np.int64)
        meter.encoding(1, 1)
        return {"clicks": found}

    def make(self, seen: Arrays, clip: Clip, order: Order, number: int, meter: Meter) -> Take:
        seed = order.settings.seed_of(number)
        wait_s = self.job_s / order.settings.takes / self.steps
        for step in range(1, self.steps + 1):
            _sleep(wait_s, meter)
            meter.sampling(number, step, self.steps)
            if self._fail is not None and step > self.steps // 2:
                raise ERRORS_BY_CODE[self._fail]("The stub engine was told to fail.")
        with self._lock:
            self.made.append((PurePath(clip.path).name, seed))
        return Take(
            number=number,
            seed=seed,
            pcm=clicks_pcm(clip.sample_count, seen["clicks"].tolist(), seed),
            sample_count=clip.sample_count,
            peak_dbfs=-6.0,
            loudness_lufs=None,
            log_p_aligned=-0.1 * (seed % 10),
            flags=(),
            provenance=_provenance(clip, order, seed),
        )

    def rest(self) -> None:
        pass

    def close(self) -> None:
        pass


def _sleep(wait_s: float, meter: Meter) -> None:
    while wait_s > _NAP_S:
        time.sleep(_NAP_S)
        meter.check()
        wait_s -= _NAP_S
    time.sleep(wait_s)


def flashes(clip: Clip, check: Callable[[], None] = lambda: None) -> list[int]:
    """Samples at which a frame begins that is brighter by FLASH than the one before it."""
    found: list[int] = []
    with VideoFile(clip.path) as video:
        brightness = _brightness_meter()
        shown = brightness(_frame_before(video, clip))
        last: TimedFrame | None = None
        moments = (n * _LOOK_S for n in range(int(clip.duration_s / _LOOK_S) + 1))
        for seen in seen_frames(video, clip, moments, check):
            if seen is last:
                continue
            last, before, shown = seen, shown, brightness(seen)
            at_s = (seen.start_s - clip.start_s) / clip.speed
            sample = round(at_s * TAKE_RATE_HZ)
            slack = round(video.stamp_error_s / clip.speed * TAKE_RATE_HZ)
            if shown - before > FLASH and -slack <= sample < clip.sample_count:
                found.append(max(0, sample))
    return found


def _frame_before(video: VideoFile, clip: Clip) -> TimedFrame | None:
    """The last frame that begins before the clip does."""
    last = None
    for timed in video.frames_from(max(Fraction(0), clip.start_s - Fraction(1, 2))):
        if timed.start_s >= clip.start_s - video.stamp_error_s:
            break
        last = timed
    return last


def _brightness_meter() -> Callable[[TimedFrame | None], float]:
    draw = Scaler(_SIDE_PX, _SIDE_PX)
    return lambda timed: 0.0 if timed is None else float(draw(timed.frame).mean())


def clicks_pcm(sample_count: int, clicks: list[int], seed: int) -> bytes:
    """24-bit PCM with a decaying tone from each of these samples on; else every half second."""
    time_s = np.arange(2000) / TAKE_RATE_HZ
    pitch_hz = 800 + 50 * (seed % 16)
    click = CLICK_PEAK * np.exp(-time_s * 200) * np.cos(2 * np.pi * pitch_hz * time_s)
    sound = np.zeros(sample_count, np.float32)
    for start in clicks or range(0, sample_count, TAKE_RATE_HZ // 2):
        sound[start : start + len(click)] = click[: sample_count - start]
    return to_pcm(sound)


def _provenance(clip: Clip, order: Order, seed: int) -> Mapping[str, object]:
    return {
        "bundle": order.bundle,
        "bundle_sha256": order.bundle_sha256,
        "licence": BUNDLE.licence,
        "seed": seed,
        "palette": order.settings.palette,
        "settings": replace(order.settings, seed=seed, takes=1),
        "start_s": clip.start_s,
        "duration_s": clip.duration_s,
        "speed": clip.speed,
    }
