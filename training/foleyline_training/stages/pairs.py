"""Pairs of sound and picture for alignment classifiers: true, shifted in time, and wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from foleyline_training.config import Config
from foleyline_training.data.corpus_files import ClipArrays
from foleyline_training.data.crops import LEAST_SHIFT_S, Crop, draw_crop, shifted

TRUE_RATE, SHIFTED_RATE = 0.5, 0.25
"""Half true pairs, a quarter shifted in time, a quarter of another scene (Diff-Foley, 2.3)."""


def least_shift(config: Config) -> int:
    """In pictures."""
    return round(LEAST_SHIFT_S * config.picture.fps)


def draw_pairs(
    rng: np.random.Generator, config: Config, corpus: ClipArrays, batch: int
) -> tuple[list[Crop], list[Crop], np.ndarray]:
    """Crops of sound, crops of pictures, and kinds (batch,): 0 true, 1 shifted, 2 wrong."""
    count = config.features.per_window
    kinds = rng.choice(3, size=batch, p=[TRUE_RATE, SHIFTED_RATE, 1 - TRUE_RATE - SHIFTED_RATE])
    heard: list[Crop] = []
    seen: list[Crop] = []
    for kind in kinds:
        crop = draw_crop(rng, corpus.scenes, corpus.duration, count)
        other = crop
        if kind == 1:
            other = shifted(rng, crop, corpus.duration, least_shift(config))
        elif kind == 2:
            other = draw_crop(rng, corpus.scenes - 1, corpus.duration, count)
            if other.scene >= crop.scene:  # any scene but this one
                other = replace(other, scene=other.scene + 1)
        heard.append(crop)
        seen.append(other)
    return heard, seen, kinds
