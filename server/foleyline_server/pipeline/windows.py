"""Windows over a clip: where they lie, what they weigh, how their results become one.

A clip's latent is one long canvas. Windows lie on whole latent columns, overlap by a quarter
and are averaged with smooth weights. A window's latent may last longer than the picture it
saw (8.192 s against 8.000 s in the official model): what lies past its picture counts for
nothing where another window knows better. Nothing here knows what a window holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
OVERLAP = Fraction(1, 4)
"""The part of its picture time that a window shares with the next."""
_CUT_COLUMNS = Fraction(1, 2)
"""Windows that hardly overlap pass over within half a column: the nearer one counts."""


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """The windows of one clip.

    Attributes:
        starts: first latent column of every window, rising from 0.
        columns: latent columns of a window.
        column_s: how long one lasts.
        seen_s: how much picture a window sees from its start; the latent lasts as long or
            longer.
        overlap: the part of ``seen_s`` that neighbours share, in [0, 1).
    """

    starts: tuple[int, ...]
    columns: int
    column_s: Fraction
    seen_s: Fraction
    overlap: Fraction

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self.starts)

    @property
    def seen_columns(self) -> Fraction:
        """Latent columns that last as long as a window's picture."""
        return self.seen_s / self.column_s

    @property
    def hop_columns(self) -> int:
        """From one window's start to the next one's; the last may be nearer."""
        return max(1, floor(self.seen_columns * (1 - self.overlap)))

    @property
    def overlap_columns(self) -> Fraction:
        """How long neighbours take to pass over from one to the other."""
        return max(self.seen_columns - self.hop_columns, _CUT_COLUMNS)

    def start_s(self, window: int) -> Fraction:
        """When a window starts, after the clip's start."""
        return self.starts[window] * self.column_s

    def batches(self, size: int) -> Iterator[range]:
        """All windows in order, ``size`` at a time."""
        for first in range(0, self.count, size):
            yield range(first, min(first + size, self.count))

    def canvas(self, units_per_column: int = 1) -> Canvas:
        """The canvas in latent columns, or in another unit such as mel frames."""
        return Canvas(self, units_per_column)


@dataclass(frozen=True, slots=True)
class Canvas:
    """One time axis over all windows of a plan, in units of its own."""

    plan: WindowPlan
    units_per_column: int

    @property
    def length(self) -> int:
        """Units of the whole canvas."""
        return self.place(self.plan.count - 1).stop

    def place(self, window: int) -> slice:
        """Where a window lies."""
        start = self.plan.starts[window]
        return slice(
            start * self.units_per_column, (start + self.plan.columns) * self.units_per_column
        )

    def cut(self, whole: Floats, windows: range) -> Floats:
        """The windows' stretches of a canvas (..., length): (windows, ..., units)."""
        return np.stack([whole[..., self.place(window)] for window in windows])

    def blend(self, per_batch: int, batch: Callable[[range], Floats]) -> Floats:
        """Average what ``batch`` gives for the windows.

        Args:
            per_batch: windows per call.
            batch: called with windows in order; gives (windows, ..., units), time last.

        Returns:
            (..., length), float32.
        """
        weight_sum = np.zeros(self.length, np.float32)
        total: Floats | None = None
        for windows in self.plan.batches(per_batch):
            for window, part in zip(windows, batch(windows), strict=True):
                if total is None:
                    total = np.zeros((*part.shape[:-1], self.length), np.float32)
                weights = self._weights(window)
                total[..., self.place(window)] += part * weights
                weight_sum[self.place(window)] += weights
        if total is None:
            raise ValueError("a plan without windows")
        total /= weight_sum
        return total

    def _weights(self, window: int) -> Floats:
        """A smooth hill that ends with the window's picture; flat at the canvas's own ends."""
        units = self.plan.columns * self.units_per_column
        middle = np.arange(units, dtype=np.float64)
        middle += 0.5
        middle /= self.units_per_column
        length = float(self.plan.overlap_columns)
        hill = np.ones(units)
        if window > 0:
            hill *= _ramp(middle / length)
        if window < self.plan.count - 1:
            hill *= _ramp((float(self.plan.seen_columns) - middle) / length)
        return hill.astype(np.float32)


def plan_windows(
    duration_s: Fraction,
    seen_s: Fraction,
    columns: int,
    column_s: Fraction,
    overlap: Fraction = OVERLAP,
) -> WindowPlan:
    """The windows for a clip of any length.

    A clip that one window can see gets one. A longer one gets windows that hop by three
    quarters of what they see, rounded down to whole columns, and a last one that starts on the
    first column from which it sees the clip's end. No tail is dropped.

    Args:
        duration_s: the clip's length.
        seen_s: the picture time of one window.
        columns: latent columns of a window.
        column_s: the length of one; ``columns * column_s`` is at least ``seen_s``.
        overlap: the part that neighbours share; 0 cuts hard from one to the next, as the
            released system does, and is there to be measured against.
    """
    plan = WindowPlan((0,), columns, column_s, seen_s, overlap)
    last = ceil((duration_s - seen_s) / column_s)
    if last <= 0:
        return plan
    starts = (*range(0, last, plan.hop_columns), last)
    return WindowPlan(starts, columns, column_s, seen_s, overlap)


def _ramp(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 before phase 0, 1 after phase 1; two that pass each other add up to 1."""
    return np.sin(0.5 * np.pi * np.clip(phase, 0, 1)) ** 2
