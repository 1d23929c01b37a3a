"""The last metres of a take: its rate, its length, its level, its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from foleyline_contract.errors import ServerError
from foleyline_contract.messages import SILENCE_DBFS
from foleyline_contract.specs import TAKE_RATE_HZ, TAKE_SAMPLE_BYTES
from foleyline_server.pipeline.loudness import Level, measure

Floats = NDArray[np.float32]
PEAK_MAX_DBTP = -1.0
NEAR_SILENT_DBTP = -24.0
NEAR_SILENT_LUFS = -44.0
"""Takes of still pictures lie well below both, others above one of them: docs/sound.md."""
_GATE_ROUNDS = 8
_FULL_SCALE = 2**23
_PIECE_SAMPLES = 1 << 20
_ROUNDING = 8 / _FULL_SCALE
"""What writing 24 bits can add to a true peak, and some more."""
_PEAK_MAX = 10 ** (PEAK_MAX_DBTP / 20) - _ROUNDING


@dataclass(frozen=True, slots=True)
class Finished:
    """A sound as it will be written.

    Attributes:
        sound: (samples,) at 48 kHz.
        level: of ``sound``.
        gain_db: how much it was turned up or down.
        near_silent: whether there was hardly anything before that.
    """

    sound: Floats
    level: Level
    gain_db: float
    near_silent: bool


def finish(
    sound: Floats, rate_hz: int, sample_count: int, target_lufs: float | None = None
) -> Finished:
    """Bring a sound to 48 kHz, exactly ``sample_count`` samples and its level.

    With a target it is turned up or down as a whole until its integrated loudness is that, and
    without one it keeps its level; in either case only as far as its true peak stays below
    -1 dBTP. A target moves nothing in a near-silent sound, nor in one too short for a loudness.

    Raises:
        ServerError: the sound holds numbers that are none.
    """
    fitted = _at_take_rate(sound, rate_hz, sample_count)
    level = measure(fitted)
    quiet = _near_silent(level)
    gain = 1.0 if target_lufs is None or quiet else _gain_to(target_lufs, level)
    if level.true_peak * gain > _PEAK_MAX:
        gain = _PEAK_MAX / level.true_peak
    if gain != 1:
        fitted *= np.float32(gain)
    return Finished(fitted, level.times(gain), 20 * log10(gain), quiet)


def _at_take_rate(sound: Floats, rate_hz: int, sample_count: int) -> Floats:
    """In pieces: a long clip's sound is large, and so is every copy of it."""
    fitted = np.zeros(sample_count, np.float32)
    filled = 0
    stream = soxr.ResampleStream(rate_hz, TAKE_RATE_HZ, 1, "float32", "HQ")
    for start in range(0, len(sound), _PIECE_SAMPLES):
        piece = sound[start : start + _PIECE_SAMPLES]
        if not np.isfinite(piece).all():
            raise ServerError("The model gave something that is no sound.")
        last = start + _PIECE_SAMPLES >= len(sound)
        at_rate = np.asarray(stream.resample_chunk(piece, last), np.float32)
        at_rate = at_rate[: sample_count - filled]
        fitted[filled : filled + len(at_rate)] = at_rate
        filled += len(at_rate)
    return fitted


def _gain_to(target_lufs: float, level: Level) -> float:
    """What brings a sound to a loudness; 1 where it has none.

    In rounds: what is turned down may fall below the gate of -70 LUFS, and then counts no more.
    """
    gain = 1.0
    for _ in range(_GATE_ROUNDS):
        loudness_lufs = level.times(gain).integrated_lufs
        if loudness_lufs is not None:
            gain *= 10 ** ((target_lufs - loudness_lufs) / 20)
    return gain


def _near_silent(level: Level) -> bool:
    """Neither a click nor a murmur; what lasts less than 0.4 s is judged by its peak alone."""
    momentary_lufs = level.momentary_max_lufs
    return level.true_peak_dbtp < NEAR_SILENT_DBTP and (
        momentary_lufs is None or momentary_lufs < NEAR_SILENT_LUFS
    )


def to_pcm(sound: Floats) -> bytes:
    """24-bit little-endian PCM of a sound in [-1, 1]."""
    whole = np.clip(np.rint(sound.astype(np.float64) * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
    four_bytes = whole.astype("<i4").view(np.uint8).reshape(-1, 4)
    return four_bytes[:, :TAKE_SAMPLE_BYTES].tobytes()


def peak_dbfs(level: Level) -> float:
    """Sample peak as written; SILENCE_DBFS when every sample is written as zero."""
    peak = round(level.sample_peak * _FULL_SCALE)
    return 20 * log10(peak / _FULL_SCALE) if peak else SILENCE_DBFS
