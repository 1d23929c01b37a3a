"""Whether another shot begins, told from small pictures; nothing here opens a file.

FFmpeg's scene score is how much two pictures differ, but no more than that has changed since the
pair before. It takes every flash for a cut, so more is asked here: a cut is a change that stands
out from those around it, after which nothing looks like anything before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
MIN_SHOT_S = Fraction(1, 2)
"""Shorter shots are not told apart: a cut-away of less than that is heard as part of its scene."""
_AROUND_S = Fraction(1, 10)
"""A cut stands out from the changes this near: two pictures of 24, also of a drawn film on twos."""
_CHANGE_MIN = 2.0
"""How much the two pictures differ at least, of 255: codecs' noise and grain stay below."""
_STANDS_OUT = 2.0
"""How many times the changes around it a cut's is."""
_LIKE_MAX = 0.65
"""Correlation from which on two pictures may show the same place."""
_BLACK = 12
"""Bars above and below are no darker in one shot than in the next."""


@dataclass(frozen=True, slots=True)
class Glance:
    """A picture, small.

    Attributes:
        time_s: when it comes, seconds into the file.
        pixels: float32 (height * width * 3,).
        change: how much it differs from the one before, 0 to 255.
    """

    time_s: Fraction
    pixels: Values
    change: float


def difference(one: Values, other: Values) -> float:
    """The median over all values, 0 to 255: what covers less than half the picture counts not."""
    # np.median would import what a decoder process cannot open any more.
    values, middle = np.abs(one - other), one.size // 2
    return float(np.partition(values, middle)[middle])


def changes_of_place(glances: Iterator[Glance]) -> Iterator[Fraction]:
    """Yield the times of pictures that nothing within ``MIN_SHOT_S`` before them looks like."""
    near: deque[Glance] = deque()
    judged = 0  # index in near
    for glance in glances:
        near.append(glance)
        while near[judged].time_s < glance.time_s - MIN_SHOT_S:
            if _is_cut(near, judged):
                yield near[judged].time_s
            judged += 1
            while near[0].time_s < near[judged].time_s - MIN_SHOT_S:
                near.popleft()
                judged -= 1


def _is_cut(near: deque[Glance], at: int) -> bool:
    new = near[at]
    if at == 0 or new.change < _CHANGE_MIN:
        return False
    around = [g.change for g in near if 0 < abs(g.time_s - new.time_s) <= _AROUND_S]
    if new.change < _STANDS_OUT * max(around, default=0.0):
        return False
    earlier = [near[k] for k in range(at)]
    later = [near[k] for k in range(at, len(near))]
    old = earlier[-1]
    return all(not _alike(old, g) for g in later) and all(not _alike(new, g) for g in earlier)


def _alike(one: Glance, other: Glance) -> bool:
    """Whether two pictures may show the same place, in whatever light."""
    if difference(one.pixels, other.pixels) < _CHANGE_MIN:
        return True
    seen = np.maximum(one.pixels, other.pixels) > _BLACK
    if not seen.any():
        return True
    a, b = one.pixels[seen], other.pixels[seen]
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a * a).mean() * (b * b).mean()))
    return float((a * b).mean()) > _LIKE_MAX * spread
