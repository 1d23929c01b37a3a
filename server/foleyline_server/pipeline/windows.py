"""Windows over a clip: where they lie, what they weigh, how their results become one.

A clip's latent is one long canvas. Windows lie on whole pictures *and* whole latent
columns, overlap by a quarter, and are averaged with smooth weights. Nothing here knows what
a window holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.errors import BundleIncomplete

Floats = NDArray[np.float32]
_OVERLAP_PARTS = 4
"""Neighbouring windows share one part in this many."""


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """The windows of one clip, counted in features.

    Attributes:
        starts: first feature of every window, rising.
        per_window: features of a window.
    """

    starts: tuple[int, ...]
    per_window: int

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self.starts)

    @property
    def feature_count(self) -> int:
        """Features of the whole canvas; a shorter clip is to be padded to as many."""
        return self.starts[-1] + self.per_window

    def feature_slice(self, window: int) -> slice:
        """The features that a window sees."""
        return slice(self.starts[window], self.starts[window] + self.per_window)

    def canvas(self, units_per_feature: Fraction) -> Canvas:
        """The canvas in another unit: latent columns, mel frames."""
        return Canvas(self, units_per_feature)


@dataclass(frozen=True, slots=True)
class Canvas:
    """One time axis over all windows of a plan, in units of its own."""

    plan: WindowPlan
    units_per_feature: Fraction

    def length(self, window_units: int) -> int:
        """Units of the canvas when a window has ``window_units``."""
        return self._start(self.plan.count - 1) + window_units

    def place(self, window: int, window_units: int) -> slice:
        """Where a window lies."""
        start = self._start(window)
        return slice(start, start + window_units)

    def blend(self, window_units: int, one: Callable[[int], Floats]) -> Floats:
        """Average what ``one`` gives for every window; time is the last axis.

        Args:
            window_units: length of every window's last axis.
            one: called with the window's number, in order.
        """
        length = self.length(window_units)
        weight_sum = np.zeros(length, np.float32)
        total: Floats | None = None
        for window in range(self.plan.count):
            part = one(window)
            weights = self._weights(window, window_units)
            place = self.place(window, window_units)
            if total is None:
                total = np.zeros((*part.shape[:-1], length), np.float32)
            total[..., place] += part * weights
            weight_sum[place] += weights
        if total is None:
            raise ValueError("a plan without windows")
        return total / weight_sum

    def _start(self, window: int) -> int:
        start = self.plan.starts[window] * self.units_per_feature
        if start.denominator != 1:
            raise ValueError("a window does not start on a whole unit")
        return start.numerator

    def _weights(self, window: int, window_units: int) -> Floats:
        """A smooth hill, flat towards the canvas's own ends."""
        overlap = max(1, int(self.plan.per_window // _OVERLAP_PARTS * self.units_per_feature))
        phase = (np.arange(min(overlap, window_units)) + 0.5) / overlap
        ramp = (np.sin(0.5 * np.pi * phase) ** 2).astype(np.float32)
        hill = np.ones(window_units, np.float32)
        if window > 0:
            hill[: len(ramp)] *= ramp
        if window < self.plan.count - 1:
            hill[-len(ramp) :] *= ramp[::-1]
        return hill


def plan_windows(count: int, per_window: int, columns_per_feature: Fraction) -> WindowPlan:
    """The windows for ``count`` features.

    A shorter clip gets one window and is to be padded to it; a longer one gets windows that
    hop by three quarters, the last of them shifted back to end where the clip ends.

    Raises:
        BundleIncomplete: the clip needs several windows, and the bundle's latent columns and
            pictures do not fall together.
    """
    if count <= per_window:
        return WindowPlan((0,), per_window)
    if columns_per_feature.denominator != 1:
        raise BundleIncomplete(
            "The bundle's latent does not follow its picture rate, so it cannot be used for "
            "clips longer than one window.",
            remedy="Cut the strip into shorter ones, or choose another bundle.",
        )
    hop = max(1, per_window - per_window // _OVERLAP_PARTS)
    last = count - per_window
    return WindowPlan((*range(0, last, hop), last), per_window)
