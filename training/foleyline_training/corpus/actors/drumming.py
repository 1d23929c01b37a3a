"""Drums struck by two sticks or hands in turn: bars of even beats, and rolls."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from ..canvas import Canvas, Colour
from ..motion import Impact, Sustain, Track, struck
from ..paint import Paint, paint_block
from .hands import any_skin, draw_hand, draw_tool
from .place import NEUTRAL_DARK, Place, between
from .rhythm import bars

_LONGEST_LIFT = 0.95  # radians


@dataclass(frozen=True, slots=True)
class Drumming:
    """One or two drums side by side; `spots` are where the two sticks land, `top` the skins' y.

    `lifts` are the sticks' angles above the touch, radians.
    """

    paint: Paint
    tool: str
    skin: Colour
    drums: tuple[float, ...]
    top: float
    floor: float
    half_width: float
    half_height: float
    spots: tuple[float, float]
    reach: float
    head: float
    lifts: tuple[Track, Track]
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the drums on their legs, and both sticks."""
        for x in self.drums:
            centre = (x, self.top + self.half_height)
            for side in (-1, 1):
                foot = (x + side * self.half_width * 0.8, self.floor)
                canvas.stroke(
                    (x + side * self.half_width * 0.3, centre[1]), foot, 0.025, NEUTRAL_DARK
                )
            paint_block(canvas, self.paint, centre, self.half_width, self.half_height)
        for k, side in ((0, -1), (1, 1)):
            lift = self.lifts[k].value(time_s)
            pivot = (self.spots[k] + side * self.reach, self.top - self.head - 0.02)
            end = (
                pivot[0] - side * self.reach * cos(lift),
                self.top - self.head - self.reach * sin(lift),
            )
            draw_tool(canvas, self.tool, pivot, end, self.head, self.skin)
            if self.tool != "fist":
                draw_hand(canvas, pivot, 0.05, pi / 2 - side * 0.7, self.skin)


def make_drumming(rng: np.random.Generator, place: Place, paint: Paint) -> Drumming:
    """Invent a drum or two and a drummer's hands in `place`."""
    two = place.width > 0.75 and rng.random() < 0.4
    half_width = min(between(rng, 0.14, 0.24), place.width / (5.5 if two else 3.5))
    shift = half_width * 1.1 if two else 0.0
    drums = (place.middle - shift, place.middle + shift) if two else (place.middle,)
    spots = (
        drums[0] - (0 if two else half_width * 0.35),
        drums[-1] + (0 if two else half_width * 0.35),
    )
    sides: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    turn, swaps = int(rng.integers(2)), between(rng, 0.75, 1.0)
    found: list[Impact] = []
    for time_s, strength in bars(rng, place):
        # The same hand twice needs time to lift.
        if not sides[turn] or time_s - sides[turn][-1][0] < 0.25 or rng.random() < swaps:
            turn = 1 - turn
        sides[turn].append((time_s, strength))
        found.append(Impact(time_s, strength, spots[turn]))
    half_height = between(rng, 0.09, 0.17)
    return Drumming(
        paint,
        ("stick", "mallet", "fist")[int(rng.integers(3))],
        any_skin(rng),
        drums,
        place.floor - between(rng, 0.0, 0.15) - 2 * half_height,
        place.floor,
        half_width,
        half_height,
        spots,
        between(rng, 0.2, 0.28),
        between(rng, 0.025, 0.045),
        (
            struck(sides[0], highest=_LONGEST_LIFT),
            struck(sides[1], highest=_LONGEST_LIFT),
        ),
        tuple(found),
    )
