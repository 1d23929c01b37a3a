"""Newton's cradle: balls in a row, the outer ones strike in turn. Only in the unseen split."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin

import numpy as np

from ..canvas import Canvas
from ..motion import Impact, Sustain, Track, TrackBuilder
from ..paint import Paint, paint_ball
from .place import NEUTRAL_DARK, Place, between


@dataclass(frozen=True, slots=True)
class Cradle:
    """`count` balls hang from a beam; `swing` is the angle of the left (< 0) or right (> 0) one."""

    paint: Paint
    x: float
    top: float
    floor: float
    rod: float
    radius: float
    count: int
    swing: Track
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the frame, the threads and the balls."""
        half = self.radius * (self.count + 1.5)
        for side in (-1, 1):
            x = self.x + side * half
            canvas.stroke((x, self.top), (x, self.floor), 0.03, NEUTRAL_DARK)
        canvas.stroke((self.x - half, self.top), (self.x + half, self.top), 0.03, NEUTRAL_DARK)
        swing = self.swing.value(time_s)
        for k in range(self.count):
            angle = swing if (k == 0 and swing < 0) or (k == self.count - 1 and swing > 0) else 0.0
            hook = self.x + (2 * k - self.count + 1) * self.radius
            at = (hook + self.rod * sin(angle), self.top + self.rod * cos(angle))
            canvas.stroke((hook, self.top), at, 0.012, NEUTRAL_DARK)
            paint_ball(canvas, self.paint, at, self.radius, angle)


def make_cradle(rng: np.random.Generator, place: Place, paint: Paint) -> Cradle:
    """Invent a cradle in `place` and how it is set going."""
    count = int(rng.integers(3, 6))
    radius = min(between(rng, 0.05, 0.08), place.width / (4.5 * count))
    rod = between(rng, 0.35, 0.5)
    widest = min(0.9, (place.width / 2 - radius * (count + 1)) / rod + 0.3)
    swing = TrackBuilder(0.0)
    places: list[float] = []
    swing.hold(place.wait_s(rng, 0.1, 0.6))
    while swing.time_s < place.duration_s:
        side = 1 if rng.random() < 0.5 else -1
        peak = widest * between(rng, 0.6, 1.0)
        swing.ease(place.wait_s(rng, 0.4, 0.7), side * peak)
        swing.hold(place.wait_s(rng, 0.1, 0.5))
        quarter_s = between(rng, 0.26, 0.36)
        while abs(peak) > 0.12:
            swing.speed_up(quarter_s, 0.0)
            swing.impact(0.15 + 0.8 * peak / widest)
            places.append(place.middle + side * radius * (count - 2))
            side, peak = -side, peak * between(rng, 0.72, 0.85)
            swing.slow_down(quarter_s, side * peak)
        swing.ease(0.3, 0.0)
        swing.hold(place.wait_s(rng, 0.3, 1.2))
    impacts = tuple(
        Impact(time_s, strength, at)
        for (time_s, strength), at in zip(swing.impacts, places, strict=True)
    )
    top = place.floor - rod - radius - between(rng, 0.04, 0.12)
    return Cradle(paint, place.middle, top, place.floor, rod, radius, count, swing.track(), impacts)
