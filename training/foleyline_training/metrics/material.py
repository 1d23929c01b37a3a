"""Whether a sound is of its material, by what a tagger's embedding is nearest to.

The centroids are of real *training* sound; nobody trained anything on what is judged.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Labels = NDArray[np.int64]
EXCERPT_S = 0.6
LEAD_S = 0.02
GAP_S = 0.3
"""Contacts with another one nearer than this are not judged: both would be heard."""
SHUFFLES = 200


def contact_excerpt(
    sound: FloatArray, rate_hz: int, time_s: float, next_s: float | None = None
) -> FloatArray:
    """What is heard of one contact: from just before it, until just before the next one."""
    end_s = time_s + EXCERPT_S
    if next_s is not None:
        end_s = min(end_s, next_s - LEAD_S)
    start = max(0, round((time_s - LEAD_S) * rate_hz))
    return sound[start : max(start + 1, round(end_s * rate_hz))]


def lone(times_s: NDArray[np.float64], end_s: float, gap_s: float = GAP_S) -> Labels:
    """Places of those contacts of one clip (ascending times) that can be judged by themselves.

    A contact too near the clip's end cannot: there is too little to hear.
    """
    padded = np.concatenate([[-np.inf], times_s, [np.inf]])
    apart = np.minimum(np.diff(padded)[:-1], np.diff(padded)[1:])
    return np.flatnonzero((apart >= gap_s) & (times_s < end_s - gap_s)).astype(np.int64)


class CategoryCentroids:
    """Mean directions of categories among embeddings whose dimensions count alike.

    Args:
        embeddings: (sounds, dimensions) of real training sound.
        categories: (sounds,), numbers of their categories.
    """

    def __init__(self, embeddings: FloatArray, categories: Labels) -> None:
        values = np.asarray(embeddings, np.float64)
        self.mean, self.scale = values.mean(0), values.std(0) + 1e-6
        self.categories = np.unique(categories)
        directions = self._directions(embeddings)
        self.centroids = _unit(
            np.stack([directions[categories == c].mean(0) for c in self.categories])
        )

    def nearest(self, embeddings: FloatArray) -> Labels:
        """Numbers of the nearest categories (sounds,), by cosine."""
        found = (self._directions(embeddings) @ self.centroids.T).argmax(1)
        return self.categories[found]

    def _directions(self, embeddings: FloatArray) -> NDArray[np.float64]:
        return _unit((np.asarray(embeddings, np.float64) - self.mean) / self.scale)


def named_right(named: Sequence[int] | Labels, true: Sequence[int] | Labels) -> float:
    """Mean over categories of the share named right, so that common ones do not dominate."""
    found, wanted = np.asarray(named), np.asarray(true)
    if not len(wanted):
        return float("nan")
    return float(np.mean([(found[wanted == c] == c).mean() for c in np.unique(wanted)]))


def chance_right(named: Sequence[int] | Labels, true: Sequence[int] | Labels) -> float:
    """What :func:`named_right` gives when names are dealt out again by lot."""
    rng, found = np.random.default_rng(0), np.asarray(named)
    return float(np.mean([named_right(rng.permutation(found), true) for _ in range(SHUFFLES)]))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
