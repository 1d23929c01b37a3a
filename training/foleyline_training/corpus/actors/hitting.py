"""A mallet that strikes a standing thing, evenly or not."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from ..canvas import Canvas, Colour
from ..materials import Material
from ..motion import Impact, Sustain, Track, TrackBuilder, ringing
from ..paint import Paint, paint_ball, paint_block
from .hands import TOOLS, any_skin, draw_hand, draw_tool
from .place import FLASH, NEUTRAL_DARK, Place, at_place, between


@dataclass(frozen=True, slots=True)
class Hitting:
    """`lift` is the mallet's angle above the touch, radians; `side` is 1 or -1."""

    paint: Paint
    round_thing: bool
    x: float
    top: float
    floor: float
    half_width: float
    half_height: float
    side: int
    handle: float
    head: float
    tool: str
    skin: Colour
    held: bool
    lift: Track
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the stand, the struck thing and the mallet."""
        shaking = canvas.flash * ringing(self.impacts, time_s, 0.07)
        lift = self.lift.value(time_s)
        recoil = min(0.03 * shaking, self.handle * sin(lift) * 0.3)
        bottom = self.top + 2 * self.half_height
        if bottom < self.floor - 0.005:
            for place in (-0.6, 0.6):
                x = self.x + place * self.half_width
                canvas.stroke((x, bottom - 0.02), (x, self.floor), 0.03, NEUTRAL_DARK)
        paint = self.paint.lit(FLASH * shaking)
        tall = self.half_height - recoil / 2
        centre = (self.x, self.top + recoil + tall)
        if self.round_thing:
            paint_ball(canvas, paint, centre, self.half_height, squash=1 - tall / self.half_height)
        else:
            paint_block(canvas, paint, centre, self.half_width, tall)
        pivot = (self.x + self.side * self.handle, self.top - self.head)
        end = (
            pivot[0] - self.side * self.handle * cos(lift),
            pivot[1] - self.handle * sin(lift),
        )
        draw_tool(canvas, self.tool, pivot, end, self.head, self.skin)
        if self.held and self.tool != "fist":
            draw_hand(canvas, pivot, 0.05, pi / 2 - self.side * 0.9, self.skin)


def make_hitting(
    rng: np.random.Generator, place: Place, material: Material, paint: Paint
) -> Hitting:
    """Invent a struck thing and its mallet in `place`."""
    room = place.width / 2
    half_width = min(between(rng, 0.13, 0.22), room * 0.7)
    half_height = between(rng, 0.1, 0.17)
    round_thing = material.name != "drum" and rng.random() < 0.25
    if round_thing:
        half_height = min(half_height, half_width)
    stand = 0.0 if round_thing or rng.random() < 0.4 else between(rng, 0.05, 0.2)
    side = 1 if rng.random() < 0.5 else -1
    x = place.middle - side * between(rng, 0.02, 0.1)
    lift = TrackBuilder(between(rng, 0.2, 0.9))
    _strikes(rng, place, lift)
    return Hitting(
        paint,
        bool(round_thing),
        x,
        place.floor - stand - 2 * half_height,
        place.floor,
        half_width,
        half_height,
        side,
        between(rng, 0.3, 0.42),
        between(rng, 0.045, 0.07),
        TOOLS[int(rng.integers(len(TOOLS)))],
        any_skin(rng),
        bool(rng.random() < 0.6),
        lift.track(),
        at_place(lift.impacts, x),
    )


def _strikes(rng: np.random.Generator, place: Place, lift: TrackBuilder) -> None:
    """Build strikes in bursts: a beat (even or jittered), then a pause."""
    beat_s = max(0.2, between(rng, 0.3, 0.9) / place.pace)
    jitter = 0.0 if rng.random() < 0.5 else between(rng, 0.1, 0.45)
    gap_s = place.wait_s(rng, 0.3, 1.0)
    while lift.time_s < place.duration_s:
        # Now and then a burst, as fast as can still be told apart.
        burst_s = between(rng, 0.13, 0.2) if rng.random() < 0.2 else beat_s
        for _ in range(int(rng.integers(1, 7))):
            _strike(rng, lift, gap_s)
            gap_s = max(0.13, burst_s * (1 + jitter * between(rng, -1, 1)))
        gap_s = gap_s + place.wait_s(rng, 0.3, 1.4)


def _strike(rng: np.random.Generator, lift: TrackBuilder, gap_s: float) -> None:
    """Raise the mallet and bring it down so that it lands `gap_s` seconds from now."""
    force = between(rng, 0.35, 1.0)
    strike_s = min(0.42 * gap_s, 0.19 - 0.08 * force)
    rise_s = min(0.5 * gap_s, 0.28)
    lift.slow_down(rise_s, (0.35 + 0.6 * force) * min(1.0, 0.35 + gap_s))
    lift.hold(max(0.0, gap_s - rise_s - strike_s))
    speed = 2 * lift.value / strike_s
    lift.speed_up(strike_s, 0.0)
    lift.impact(speed / 15.0)
