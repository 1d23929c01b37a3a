"""A ball that rolls to and fro between two posts and knocks against them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..canvas import Canvas
from ..materials import Material
from ..motion import Impact, Sustain, Track, TrackBuilder, ringing
from ..paint import Paint, paint_ball
from .place import FLASH, NEUTRAL_DARK, Place, between

_POST_WIDTH = 0.06
_FASTEST = 1.6


@dataclass(frozen=True, slots=True)
class Rolling:
    """`x` is the ball's centre; `near` and `far` are the posts' faces, all in stage units."""

    paint: Paint
    radius: float
    floor: float
    near: float
    far: float
    x: Track
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the posts and the ball."""
        shaking = canvas.flash * ringing(self.impacts, time_s, 0.07)
        x = self.x.value(time_s)
        height = self.radius * 2.3
        for face, side in ((self.near, -1), (self.far, 1)):
            shift = 0.02 * shaking * side if abs(x - face) < self.radius * 1.8 else 0.0
            middle = face + side * _POST_WIDTH / 2 + shift
            canvas.stroke(
                (middle, self.floor - height), (middle, self.floor), _POST_WIDTH, NEUTRAL_DARK
            )
        canvas.ellipse((x, self.floor + 0.012), self.radius, 0.014, (20, 18, 22), 0.45)
        turn = (x - self.near) / self.radius
        centre = (x, self.floor - self.radius)
        paint_ball(canvas, self.paint.lit(FLASH * shaking), centre, self.radius, turn)


def make_rolling(
    rng: np.random.Generator, place: Place, material: Material, paint: Paint
) -> Rolling:
    """Invent a rolling ball in `place`."""
    radius = between(rng, 0.1, 0.145)
    way = min(place.width - 2 * _POST_WIDTH, between(rng, 0.6, 1.1))
    near, far = place.middle - way / 2, place.middle + way / 2
    low, high = near + radius, far - radius
    kept = min(0.92, between(rng, *material.restitution) + 0.25)
    x = TrackBuilder(between(rng, low + 0.05, high - 0.05))
    places: list[float] = []
    x.hold(place.wait_s(rng, 0.1, 0.8))
    while x.time_s < place.duration_s:
        right = bool(rng.random() < 0.5)
        speed = between(rng, 0.6, 1.5)
        wall = high if right else low
        if abs(wall - x.value) < 0.12:
            right, wall = not right, low if right else high
        x.speed_up(2 * abs(wall - x.value) / speed, wall)
        while speed > 0.28 and x.time_s < place.duration_s:
            x.impact(speed / _FASTEST)
            places.append(far if right else near)
            speed *= kept
            right, wall = not right, low if right else high
            if speed <= 0.28:
                break
            way_s = abs(wall - x.value) / speed
            x.throw(way_s, speed if right else -speed, 0.0, wall)
        if x.time_s >= place.duration_s:
            break
        stop = x.value + (wall - x.value) * between(rng, 0.2, 0.5)
        x.slow_down(2 * abs(stop - x.value) / max(speed, 0.15), stop)
        x.hold(place.wait_s(rng, 0.1, 0.9))
    impacts = tuple(
        Impact(time_s, strength, at)
        for (time_s, strength), at in zip(x.impacts, places, strict=True)
    )
    return Rolling(paint, radius, place.floor, near, far, x.track(), impacts)
