"""Onsets heard in a sound, and how well they agree with contacts seen.

The detector is a spectral-flux picker. All its numbers were fixed on *real* training sound,
never on generated sound nor on what is evaluated: docs/evaluation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from foleyline_training.metrics.taggers import htk_filters

FloatArray = NDArray[np.float32]
LOW_HZ, HIGH_HZ = 60.0, 16_000.0


@dataclass(frozen=True, slots=True)
class OnsetDetector:
    """Peaks of the half-wave rectified change of band levels, above what is usual around them.

    Sounds that last have a flux of their own: a scrape's grains, an engine's strokes. So a peak
    counts by how far it stands out of the mean flux of ``around_s`` on either side.

    Attributes:
        threshold: what a peak must reach, in dB a band, averaged over the bands.
        usual_weight: how often the mean flux around a peak is taken from it.
        bias_s: added to every detection; a centred window hears an attack early or late.
        window_s, hop_s: analysis window and its step.
        lag_hops: a level is compared with that of so many hops before.
        gap_s: two onsets are at least this far apart.
        floor_db: levels below, relative to the loudest band's, count as this.
        bands: from 60 Hz to 16 kHz, even in mels.

    Source: Böck, Krebs and Schedl 2012, "Evaluating the online capabilities of onset detection
    methods", for flux of logarithmic bands with an adaptive threshold.
    """

    threshold: float = 6.0
    usual_weight: float = 2.0
    around_s: float = 0.2
    bias_s: float = -0.002
    window_s: float = 0.025
    hop_s: float = 0.005
    lag_hops: int = 3
    gap_s: float = 0.12
    floor_db: float = -75.0
    bands: int = 40

    def flux(self, sound: FloatArray, rate_hz: int) -> FloatArray:
        """Flux (frames,) at hops of ``hop_s``, in dB."""
        size, hop = round(self.window_s * rate_hz), round(self.hop_s * rate_hz)
        padded = np.pad(sound.astype(np.float32), (size // 2, size))
        frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
        frames = frames[: len(sound) // hop]
        spectrum = np.abs(np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1))
        power = spectrum**2 @ _band_weights(self.bands, size, rate_hz).T
        # Levels are relative to the loudest band of the sound; below the floor nothing moves.
        level = 10 * np.log10(np.maximum(power / max(float(power.max()), 1e-12), 1e-12))
        level = np.maximum(level, self.floor_db)
        before = np.pad(level, ((self.lag_hops, 0), (0, 0)), constant_values=self.floor_db)
        return np.maximum(level - before[: len(level)], 0).mean(1).astype(np.float32)

    def detect(self, sound: FloatArray, rate_hz: int) -> NDArray[np.float64]:
        """Onset times in seconds, ascending."""
        if not len(sound) or float(np.abs(sound).max()) < 1e-4:
            return np.zeros(0)
        flux = self.flux(sound, rate_hz)
        if not len(flux):
            return np.zeros(0)
        hop_s = round(self.hop_s * rate_hz) / rate_hz
        reach = round(self.around_s / self.hop_s)
        padded = np.pad(flux, reach, mode="symmetric" if len(flux) >= reach else "edge")
        usual = np.convolve(padded, np.ones(2 * reach + 1) / (2 * reach + 1), "valid")
        clear = flux - self.usual_weight * usual
        candidates = [
            i
            for i in range(len(flux))
            if clear[i] > self.threshold and flux[i] == flux[max(0, i - 4) : i + 5].max()
        ]
        picked: list[int] = []
        for i in sorted(candidates, key=lambda i: -float(clear[i])):
            if all(abs(i - other) * hop_s >= self.gap_s for other in picked):
                picked.append(i)
        return np.maximum(np.array(sorted(picked)) * hop_s + self.bias_s, 0.0)


@lru_cache(maxsize=8)
def _band_weights(bands: int, size: int, rate_hz: int) -> FloatArray:
    """Means over overlapping triangles (bands, size // 2 + 1), even on HTK's mel scale."""
    filters = htk_filters(bands, size, rate_hz, LOW_HZ, min(HIGH_HZ, rate_hz / 2))
    heard = filters[filters.sum(1) > 0]  # the lowest may fall between two bins
    return heard / heard.sum(1, keepdims=True)


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
