"""Sounds that last: recordings made even and endless, played at a level and a rate over time.

Not here: which recording belongs to what (`sounds`), where a sound lies in a scene (`scene`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal.windows import hann

from .motion import Sustain

FloatArray = NDArray[np.float32]

_SHORTEST_S = 0.2
_LONGEST_S = 6.0
_EVEN_S = 0.03
"""A recording's own swells longer than this are taken out, or they would be heard as onsets."""
_MOST_GAIN = 10.0
_SEAM_S = 0.06
_CONTROL_HZ = 500
_SOFT_S = 0.2
"""No lasting sound begins or ends faster than this."""
_RATES = (0.4, 2.5)


def even_loop(mono: FloatArray, rate_hz: int) -> FloatArray | None:
    """Make a recording (samples,) of even loudness, RMS 1, whose end leads into its beginning.

    Return None for one that is silent or too short.
    """
    mono = mono[: round(_LONGEST_S * rate_hz)]
    seam = round(_SEAM_S * rate_hz)
    if mono.size < max(_SHORTEST_S * rate_hz, 3 * seam):
        return None
    level = np.sqrt(gaussian_filter1d(mono.astype(np.float64) ** 2, _EVEN_S * rate_hz))
    usual = float(np.median(level))
    if usual < 1e-5:
        return None
    even = mono / np.maximum(level, usual / _MOST_GAIN)
    fade = np.sqrt(np.linspace(0, 1, seam))
    loop = even[seam:].copy()
    loop[-seam:] = loop[-seam:] * fade[::-1] + even[:seam] * fade
    return (loop / np.sqrt(np.mean(loop**2))).astype(np.float32)


def play(
    loop: FloatArray, sustain: Sustain, rng: np.random.Generator, *, total: int, rate_hz: int
) -> FloatArray:
    """Return the sound of `sustain` in a scene of `total` samples: (total,), level 1 has RMS 1."""
    step = rate_hz // _CONTROL_HZ
    times = np.arange(-(-total // step) + 1) / _CONTROL_HZ
    inside = (times >= sustain.start_s) & (times <= sustain.start_s + sustain.length_s)
    level = inside * np.array([sustain.level.value(t) for t in times.tolist()])
    window = hann(round(_SOFT_S * _CONTROL_HZ) | 1)
    level = np.convolve(level, window / window.sum(), mode="same")
    speed = np.clip([sustain.rate.value(t) for t in times.tolist()], *_RATES)
    samples = np.arange(total) / step
    place = np.cumsum(np.interp(samples, np.arange(times.size), speed)) + rng.integers(loop.size)
    heard = np.interp(place % loop.size, np.arange(loop.size + 1), np.append(loop, loop[0]))
    return (heard * np.interp(samples, np.arange(times.size), level)).astype(np.float32)
