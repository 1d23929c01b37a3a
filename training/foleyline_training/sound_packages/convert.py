"""What a package holds, into a file of the library: mono, 44.1 kHz, 16 bit, trimmed."""

from __future__ import annotations

import io
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from .table import SoundPackageError

RATE_HZ = 44100
_SILENCE = 1e-3
"""Of the peak; what is below it at either end is cut."""
_LEAD = 88
_FADE = 2205
_FULL, _PEAK = 0.999, 0.99
"""Sounds that are louder than the first come out with the second as their peak."""


def convert(audio: bytes | Path, frames: int, *, note: bool = False) -> NDArray[np.int16]:
    """Return samples (at most `frames`,); what is longer is cut, with a fade of 50 ms.

    A recording keeps 2 ms before its start if it has them; a `note` gets them in any case.

    Raises: SoundPackageError if libsndfile cannot read `audio` or it is silent.
    """
    try:
        source = io.BytesIO(audio) if isinstance(audio, bytes) else audio
        samples, rate_hz = soundfile.read(source, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise SoundPackageError(f"libsndfile cannot read it ({error}).") from error
    mono = samples.mean(axis=1)
    if rate_hz != RATE_HZ:
        common = gcd(rate_hz, RATE_HZ)
        mono = resample_poly(mono, RATE_HZ // common, rate_hz // common).astype(np.float32)
    peak = np.abs(mono).max(initial=0.0)
    if not 0 < peak < np.inf:
        raise SoundPackageError("It is silent.")
    if note:
        mono = np.concatenate([np.zeros(_LEAD, np.float32), mono])
    loud = np.flatnonzero(np.abs(mono) > _SILENCE * peak)
    cut = mono[max(0, loud[0] - _LEAD) : loud[-1] + 1].copy()
    if cut.size > frames:
        cut = cut[:frames]
        fade = min(_FADE, cut.size)
        cut[cut.size - fade :] *= np.linspace(1, 0, fade)
    if peak > _FULL:
        cut = cut / peak * np.float32(_PEAK)
    return np.clip(np.rint(cut * np.float32(32768)), -32768, 32767).astype(np.int16)


def write_flac(path: Path, pcm: NDArray[np.int16]) -> None:
    """Write samples (frames,) at 44.1 kHz; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    soundfile.write(unfinished, pcm, RATE_HZ, format="FLAC", subtype="PCM_16")
    unfinished.replace(path)
