"""The last metres of a take: its rate, its length, its level, its bytes."""

from __future__ import annotations

from math import log10

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from foleyline_contract.errors import ServerError
from foleyline_contract.messages import SILENCE_DBFS
from foleyline_contract.specs import TAKE_RATE_HZ, TAKE_SAMPLE_BYTES

Floats = NDArray[np.float32]
PEAK_MAX_DBFS = -1.0
_FULL_SCALE = 2**23
_PIECE_SAMPLES = 1 << 20
_PEAK_MAX = 10 ** (PEAK_MAX_DBFS / 20) - 1 / _FULL_SCALE


def finish(sound: Floats, rate_hz: int, sample_count: int) -> Floats:
    """Bring a sound to 48 kHz, exactly ``sample_count`` samples and a peak below -1 dBFS.

    Louder ones are scaled down as a whole; quieter ones keep their level.

    Raises:
        ServerError: the sound holds numbers that are none.
    """
    fitted = np.zeros(sample_count, np.float32)
    filled = 0
    # In pieces: a long clip's sound is large, and so is every copy of it.
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
    peak = _peak(fitted)
    if peak > _PEAK_MAX:
        fitted *= np.float32(_PEAK_MAX / peak)
    return fitted


def to_pcm(sound: Floats) -> bytes:
    """24-bit little-endian PCM of a sound in [-1, 1]."""
    whole = np.clip(np.rint(sound.astype(np.float64) * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
    four_bytes = whole.astype("<i4").view(np.uint8).reshape(-1, 4)
    return four_bytes[:, :TAKE_SAMPLE_BYTES].tobytes()


def peak_dbfs(sound: Floats) -> float:
    """Sample peak; SILENCE_DBFS when every sample is written as zero."""
    peak = round(_peak(sound) * _FULL_SCALE)
    return 20 * log10(peak / _FULL_SCALE) if peak else SILENCE_DBFS


def _peak(sound: Floats) -> float:
    return max(float(sound.max(initial=0.0)), -float(sound.min(initial=0.0)))
