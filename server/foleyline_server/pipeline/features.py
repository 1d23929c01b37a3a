"""Which pictures a window sees, and its CAVP features.

Every window has a picture grid of its own that starts where the window starts, so that its
features lie where the networks learned them, to the fraction of a second. A window is encoded
together with ``margin`` pictures on either side, as far as a feature sees, where the clip has
them: its features are those of one endless chunk.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat, tee
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.specs import FeatureSpec

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """The pictures that one window is encoded from.

    Attributes:
        start_s: the window's start, after the clip's.
        picture_s: from one picture to the next.
        before: pictures of the margin in front of the window.
        count: pictures to decode, those of both margins included.
        held: how often the last one is repeated, where the clip ends before the window.
    """

    start_s: Fraction
    picture_s: Fraction
    before: int
    count: int
    held: int

    @property
    def times_s(self) -> Iterator[Fraction]:
        """When the pictures are due, after the clip's start; rising."""
        for number in range(self.count):
            yield self.start_s + (number - self.before) * self.picture_s


def window_grid(
    start_s: Fraction, duration_s: Fraction, fps: Fraction, spec: FeatureSpec
) -> WindowGrid:
    """The grid of a window that starts at ``start_s`` in a clip of ``duration_s``.

    The clip has a picture for every grid time in [0, ``duration_s``).
    """
    before = min(spec.margin, floor(start_s * fps))
    there = max(1, ceil((duration_s - start_s) * fps))
    after = min(there, spec.per_window + spec.margin)
    return WindowGrid(start_s, 1 / fps, before, before + after, max(0, spec.per_window - after))


def encode_windows(
    grids: Sequence[WindowGrid],
    per_window: int,
    decode: Callable[[Iterable[Fraction]], Iterable[Pixels]],
    encode: Callable[[Sequence[Pixels]], Floats],
) -> Iterator[tuple[int, Floats]]:
    """Yield each window's number and features, as soon as its last picture is there.

    The clip is decoded once, however many windows see a picture; a picture is kept only as
    long as a window waits for it.

    Args:
        grids: of all windows.
        per_window: features of a window.
        decode: moments, not falling, to a picture each.
        encode: pictures to features (pictures, dim).

    Yields:
        The number and (per_window, dim). Near the clip's end a window may come before one with
        a smaller number.
    """
    due = heapq.merge(*(zip(grid.times_s, repeat(n)) for n, grid in enumerate(grids)))
    for_decoder, for_us = tee(due)
    waiting: dict[int, list[Pixels]] = {}
    pictures = decode(time_s for time_s, _ in for_decoder)
    for picture, (_, number) in zip(pictures, for_us, strict=True):
        grid, held = grids[number], waiting.setdefault(number, [])
        held.append(picture)
        if len(held) == grid.count:
            del waiting[number]
            features = encode(held + [picture] * grid.held)
            yield number, features[grid.before : grid.before + per_window]
