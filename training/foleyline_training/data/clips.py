"""Clips of one video that overlap but start apart, for stage 1 of the released networks."""

from __future__ import annotations

import numpy as np

from foleyline_training.data.crops import Crop
from foleyline_training.released_config import ClipConfig


def draw_clips(
    rng: np.random.Generator, scenes: int, duration: int, clips: ClipConfig
) -> tuple[Crop, ...]:
    """``clips.per_video`` clips of one of ``scenes`` scenes of ``duration`` pictures, in order.

    Each start is drawn evenly between the earliest that the one before allows and the latest
    that leaves room for those after it; so with 3 clips of 40 pictures they are in 0..8, then
    in s1 + 8..16, then in s2 + 8..24.
    Source: stage1_cavp/src/training/data.py (intra_clip_num 3, shift_lb 8).

    Raises:
        ValueError: the scenes have no room for the clips.
    """
    if duration < clips.least_duration:
        raise ValueError(f"scenes of {duration} pictures have no room for the clips")
    scene, apart = int(rng.integers(scenes)), clips.least_apart_pictures
    drawn: list[Crop] = []
    for after in reversed(range(clips.per_video)):
        earliest = drawn[-1].first + apart if drawn else 0
        latest = duration - clips.pictures - after * apart
        drawn.append(Crop(scene, int(rng.integers(earliest, latest + 1)), clips.pictures))
    return tuple(drawn)
