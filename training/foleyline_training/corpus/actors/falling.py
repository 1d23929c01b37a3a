"""A ball, box or stone that is dropped, bounces, rests, is lifted and dropped again."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ..canvas import Canvas
from ..materials import Material
from ..motion import Impact, Sustain, Track, TrackBuilder, ringing
from ..paint import Paint, paint_ball, paint_block
from .place import FLASH, NEUTRAL_DARK, Place, between
from .shapes import paint_polygon, pebble

_FASTEST = 2.2  # stage units per second; an impact this fast has strength 1
_SHORTEST_FLIGHT_S = 0.15


@dataclass(frozen=True, slots=True)
class Falling:
    """`height` is that of the thing's lowest point above the table; both tracks in stage units.

    `stone` is the outline about its centre if it is neither a ball nor a box.
    """

    paint: Paint
    round_thing: bool
    radius: float
    floor: float
    table: float
    height: Track
    x: Track
    held: tuple[tuple[float, float], ...]
    stone: NDArray[np.float64] | None
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the table, the thread that lifts and the thing."""
        x, height = self.x.value(time_s), self.height.value(time_s)
        top = self.floor - self.table
        if self.table > 0:
            middle = (top + self.floor) / 2
            canvas.stroke((x, middle), (x, self.floor), 0.08, NEUTRAL_DARK)
            canvas.stroke((x - 0.2, top + 0.02), (x + 0.2, top + 0.02), 0.04, NEUTRAL_DARK)
        fade = max(0.1, 0.5 - height * 0.6)
        canvas.ellipse((x, top + 0.012), self.radius * 1.1, 0.014, (20, 18, 22), fade)
        if self._is_held(time_s):
            end = top - height - 1.9 * self.radius
            canvas.stroke((x, -3.0), (x, end), 0.018, NEUTRAL_DARK)
        shaking = canvas.flash * ringing(self.impacts, time_s, 0.07)
        paint = self.paint.lit(FLASH * shaking)
        squash = 0.0
        if self.paint.texture == "plush" and height < 0.06:
            squash = 0.3 * shaking
        tall = self.radius * (1 - squash)
        if self.stone is not None:
            bottom = float(self.stone[:, 1].max())
            paint_polygon(canvas, paint, self.stone, (x, top - height - bottom), 0.0)
        elif self.round_thing:
            paint_ball(canvas, paint, (x, top - height - tall), self.radius, squash=squash)
        else:
            wide = self.radius * (1 + squash)
            paint_block(canvas, paint, (x, top - height - tall), wide, tall)

    def _is_held(self, time_s: float) -> bool:
        at = bisect_right(self.held, (time_s, float("inf"))) - 1
        return at >= 0 and time_s < self.held[at][1]


def make_falling(
    rng: np.random.Generator, place: Place, material: Material, paint: Paint
) -> Falling:
    """Invent a falling thing in `place`."""
    radius = between(rng, 0.1, 0.15)
    table = between(rng, 0.1, 0.22) if rng.random() < 0.3 and material.name != "soft" else 0.0
    highest = place.floor - table - 2 * radius
    gravity = between(rng, 2.4, 4.5)
    kept = between(rng, *material.restitution)
    moves = table == 0.0 and place.width > 0.7
    reach = max(0.0, place.width / 2 - radius - 0.05)
    height = TrackBuilder(highest * between(rng, 0.55, 0.95))
    x = TrackBuilder(place.middle + between(rng, -0.5, 0.5) * reach)
    held: list[tuple[float, float]] = []
    places: list[float] = []
    lifted_at = 0.0
    height.hold(place.wait_s(rng, 0.05, 0.9))
    while height.time_s < place.duration_s:
        held.append((lifted_at, height.time_s))
        _drop(height, gravity, kept)
        places += [x.value] * (len(height.impacts) - len(places))
        height.hold(place.wait_s(rng, 0.1, 0.7))
        lifted_at = height.time_s
        x.hold(height.time_s - x.time_s)
        lift_s = place.wait_s(rng, 0.5, 1.0)
        height.ease(lift_s, highest * between(rng, 0.4, 0.95))
        if moves and rng.random() < 0.6:
            x.ease(lift_s, place.middle + between(rng, -1, 1) * reach)
        height.hold(place.wait_s(rng, 0.05, 0.6))
    impacts = tuple(
        Impact(time_s, strength, at)
        for (time_s, strength), at in zip(height.impacts, places, strict=True)
    )
    stone = pebble(rng, int(rng.integers(5, 8))) * radius
    return Falling(
        paint,
        bool(rng.random() < 0.6),
        radius,
        place.floor,
        table,
        height.track(),
        x.track(),
        tuple(held),
        stone if rng.random() < 0.25 and material.name != "soft" else None,
        impacts,
    )


def _drop(height: TrackBuilder, gravity: float, kept: float) -> None:
    """Let fall from rest, then bounce until the flights become too short to tell apart."""
    fall_s = sqrt(2 * height.value / gravity)
    speed = gravity * fall_s
    height.throw(fall_s, 0.0, -gravity, 0.0)
    height.impact(speed / _FASTEST)
    while True:
        speed *= kept
        flight_s = 2 * speed / gravity
        if flight_s < _SHORTEST_FLIGHT_S:
            return
        height.throw(flight_s, speed, -gravity, 0.0)
        height.impact(speed / _FASTEST)
