"""A pendulum that strikes a standing slab."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from ..canvas import Canvas
from ..materials import Material
from ..motion import Impact, Sustain, Track, TrackBuilder, ringing
from ..paint import Paint, paint_block
from .place import FLASH, NEUTRAL_DARK, Place, at_place, between

_BOB = (190, 184, 172)


@dataclass(frozen=True, slots=True)
class Swinging:
    """`swing` is the pendulum's angle away from the slab, radians; `side` is 1 or -1."""

    paint: Paint
    x: float
    top: float
    floor: float
    rod: float
    bob: float
    half_width: float
    half_height: float
    side: int
    swing: Track
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the slab, the frame and the pendulum."""
        shaking = canvas.flash * ringing(self.impacts, time_s, 0.07)
        swing = self.swing.value(time_s)
        recoil = min(0.03 * shaking, self.rod * sin(max(0.0, swing)))
        face = self.x - self.side * (self.bob + recoil)
        middle = face - self.side * self.half_width
        paint = self.paint.lit(FLASH * shaking)
        bob_y = self.top + self.rod
        if self.paint.texture == "shell":
            # The skin is a drum's upper edge: turn it towards the bob.
            centre = (middle, bob_y)
            paint_block(
                canvas, paint, centre, self.half_height, self.half_width, self.side * pi / 2
            )
            foot = bob_y + self.half_height - 0.01
            canvas.stroke((middle, foot), (middle, self.floor), 0.05, NEUTRAL_DARK)
        else:
            centre = (middle, self.floor - self.half_height)
            paint_block(canvas, paint, centre, self.half_width, self.half_height)
        canvas.stroke((self.x - 0.1, self.top), (self.x + 0.1, self.top), 0.03, NEUTRAL_DARK)
        end = (self.x + self.side * self.rod * sin(swing), self.top + self.rod * cos(swing))
        canvas.stroke((self.x, self.top), end, 0.022, NEUTRAL_DARK)
        canvas.ellipse(end, self.bob, self.bob, NEUTRAL_DARK)
        canvas.ellipse(end, self.bob * 0.75, self.bob * 0.75, _BOB)


def make_swinging(
    rng: np.random.Generator, place: Place, material: Material, paint: Paint
) -> Swinging:
    """Invent a pendulum and its slab in `place`."""
    side = 1 if rng.random() < 0.5 else -1
    bob = between(rng, 0.06, 0.085)
    half_width = between(rng, 0.08, 0.13)
    half_height = between(rng, 0.17, 0.24)
    bob_y = place.floor - 2 * half_height + between(rng, 0.07, 0.12)
    if material.name == "drum":
        half_height = between(rng, 0.14, 0.18)
        bob_y = place.floor - half_height - between(rng, 0.02, 0.08)
    top = between(rng, 0.06, 0.2)
    widest = min(1.0, place.width / 2.4 / (bob_y - top))
    swing = TrackBuilder(between(rng, 0.5, 1.0) * widest)
    _swings(rng, place, swing, widest, min(0.8, between(rng, *material.restitution) + 0.2))
    x = place.middle - side * 0.04
    return Swinging(
        paint,
        x,
        top,
        place.floor,
        bob_y - top,
        bob,
        half_width,
        half_height,
        side,
        swing.track(),
        at_place(swing.impacts, x - side * bob),
    )


def _swings(
    rng: np.random.Generator, place: Place, swing: TrackBuilder, widest: float, kept: float
) -> None:
    """Let go, strike, rebound until still; raise again."""
    quarter_s = between(rng, 0.26, 0.42)
    swing.hold(place.wait_s(rng, 0.1, 0.9))
    while swing.time_s < place.duration_s:
        pull = 2 * widest / quarter_s**2
        angle = swing.value
        fall_s = (2 * angle / pull) ** 0.5
        speed = 2 * angle / fall_s
        swing.throw(fall_s, 0.0, -pull, 0.0)
        swing.impact(speed / 5.5)
        while True:
            speed *= kept
            flight_s = 2 * speed / pull
            if flight_s < 0.17:
                break
            swing.throw(flight_s, speed, -pull, 0.0)
            swing.impact(speed / 5.5)
        swing.hold(place.wait_s(rng, 0.05, 0.6))
        swing.ease(place.wait_s(rng, 0.45, 0.9), between(rng, 0.5, 1.0) * widest)
        swing.hold(place.wait_s(rng, 0.03, 0.6))
