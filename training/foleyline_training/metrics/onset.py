"""Onsets heard in a sound, and how well they agree with contacts seen.

The detector is a spectral-flux picker. Its two numbers (threshold and bias) were fixed on
*real* training sound, never on generated sound: see scripts/evaluate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OnsetDetector:
    """Peaks of the half-wave rectified change of the log spectrum.

    Attributes:
        threshold: flux a peak must exceed, in dB a band, averaged over the bands.
        bias_s: added to every detection; a centred window hears an attack early.
        window_s, hop_s: analysis window and its step.
        gap_s: two onsets are at least this far apart.
    """

    threshold: float = 5.0
    bias_s: float = 0.002
    window_s: float = 0.02
    hop_s: float = 0.005
    gap_s: float = 0.1
    floor_db: float = -70.0
    bands: int = 12

    def flux(self, sound: FloatArray, rate_hz: int) -> FloatArray:
        """Flux (frames,) at hops of ``hop_s``, in dB."""
        size, hop = round(self.window_s * rate_hz), round(self.hop_s * rate_hz)
        padded = np.pad(sound.astype(np.float32), (size // 2, size))
        frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
        frames = frames[: len(sound) // hop]
        spectrum = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1))
        power = np.stack(
            [band.mean(1) for band in np.array_split(spectrum**2, self.bands, axis=1)], 1
        )
        # Levels are relative to the loudest band of the sound; below the floor nothing moves.
        level = 10 * np.log10(np.maximum(power / max(float(power.max()), 1e-12), 1e-12))
        rise = np.diff(np.maximum(level, self.floor_db), axis=0, prepend=self.floor_db)
        # Two hops, so that an attack that straddles a frame counts whole.
        rise[1:] += np.maximum(rise[:-1], 0) * 0.5
        return np.maximum(rise, 0).mean(1).astype(np.float32)

    def detect(self, sound: FloatArray, rate_hz: int) -> NDArray[np.float64]:
        """Onset times in seconds, ascending."""
        if not len(sound) or float(np.abs(sound).max()) < 1e-4:
            return np.zeros(0)
        flux = self.flux(sound, rate_hz)
        hop_s = round(self.hop_s * rate_hz) / rate_hz
        candidates = [
            i
            for i in range(len(flux))
            if flux[i] > self.threshold and flux[i] == flux[max(0, i - 3) : i + 4].max()
        ]
        picked: list[int] = []
        for i in sorted(candidates, key=lambda i: -float(flux[i])):
            if all(abs(i - other) * hop_s >= self.gap_s for other in picked):
                picked.append(i)
        return np.array(sorted(picked)) * hop_s + self.bias_s


@dataclass(frozen=True, slots=True)
class Matches:
    """Counts that add up over clips."""

    hits: int = 0
    detected: int = 0
    true: int = 0

    def __add__(self, other: Matches) -> Matches:
        return Matches(
            self.hits + other.hits, self.detected + other.detected, self.true + other.true
        )

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 when there is nothing to count."""
        total = self.detected + self.true
        return 2 * self.hits / total if total else 0.0


def match(detected: NDArray[np.float64], true: NDArray[np.float64], tolerance_s: float) -> Matches:
    """Pair detections with contacts one to one within ``tolerance_s``, as many as possible.

    Both sorted; going forward and taking the earliest partner that fits is optimal in 1-D.
    """
    hits = i = j = 0
    while i < len(detected) and j < len(true):
        difference = detected[i] - true[j]
        if abs(difference) <= tolerance_s:
            hits, i, j = hits + 1, i + 1, j + 1
        elif difference < 0:
            i += 1
        else:
            j += 1
    return Matches(hits, len(detected), len(true))
