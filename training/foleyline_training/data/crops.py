"""Crops of a rendered corpus: which pictures, which mel frames, from which scene.

A crop is (scene, first picture, pictures); the same crop cuts pictures, features, latents
and mels, so nothing can slip apart. Temporal Split & Merge joins two crops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

LEAST_SHIFT_S = 0.15
"""A smaller shift is no error an editor would hear, and no fair negative for a classifier."""


Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Crop:
    """``count`` pictures of ``scene`` from ``first`` on."""

    scene: int
    first: int
    count: int

    def cut(self, array: NDArray[Kind], per_picture: int = 1) -> NDArray[Kind]:
        """The crop's part of ``array`` (scenes, duration_pictures * per_picture, ...)."""
        start = self.first * per_picture
        return array[self.scene, start : start + self.count * per_picture]


Merged = tuple[Crop, ...]
"""Crops that follow one another in one training window."""


def cut(merged: Merged, array: NDArray[Kind], per_picture: int = 1) -> NDArray[Kind]:
    """The window's part of ``array``, its crops one after the other."""
    return np.concatenate([crop.cut(array, per_picture) for crop in merged])


def draw_crop(rng: np.random.Generator, scenes: int, duration: int, count: int) -> Crop:
    """A crop of ``count`` pictures anywhere in any scene of ``duration`` pictures."""
    return Crop(int(rng.integers(scenes)), int(rng.integers(duration - count + 1)), count)


def draw_window(
    rng: np.random.Generator, scenes: int, duration: int, count: int, *, merge_rate: float = 0.5
) -> Merged:
    """A window: one crop, or at ``merge_rate`` two of different scenes, split anywhere.

    Each part is at least a quarter of the window, as in the official augmentation, where
    512 mel columns are split no nearer than 125 to an end.
    Source: Diff-Foley, section 2.2; stage2_ldm/adm/data/video_spec_dataset.py.
    """
    if rng.random() >= merge_rate:
        return (draw_crop(rng, scenes, duration, count),)
    split = int(rng.integers(count // 4, count - count // 4 + 1))
    return (
        draw_crop(rng, scenes, duration, split),
        draw_crop(rng, scenes, duration, count - split),
    )


def shifted(rng: np.random.Generator, crop: Crop, duration: int, least: int) -> Crop:
    """Another crop of the same scene, at least ``least`` pictures earlier or later.

    True shifted crops, not rolled ones: a rolled crop has a seam that gives it away.
    """
    starts = np.arange(duration - crop.count + 1)
    choices = starts[np.abs(starts - crop.first) >= least]
    return Crop(crop.scene, int(rng.choice(choices)), crop.count)
