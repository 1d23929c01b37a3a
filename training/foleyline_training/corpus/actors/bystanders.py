"""Things that move without touching anything, so that motion alone is no sign of a sound."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from ..canvas import STAGE_WIDTH, Canvas, turned
from ..motion import Impact, Sustain, Track, TrackBuilder
from ..paint import Paint, paint_ball, paint_block
from .place import NEUTRAL_DARK, Place, between


@dataclass(frozen=True, slots=True)
class Drifting:
    """A flat shape crossing the upper background at `speed` stage units per second."""

    colour: tuple[int, int, int]
    corners: int
    radius: float
    x: float
    y: float
    speed: float
    wobble_hz: float
    impacts: tuple[Impact, ...] = ()
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the shape where it is."""
        span = STAGE_WIDTH + 0.4
        x = (self.x + self.speed * time_s) % span - 0.2
        y = self.y + 0.05 * sin(2 * pi * self.wobble_hz * time_s)
        turns = np.arange(self.corners) * (2 * pi / self.corners)
        shape = np.stack([np.cos(turns), np.sin(turns)], axis=1) * self.radius
        canvas.polygon(turned(shape, (x, y), self.wobble_hz * time_s), self.colour)


@dataclass(frozen=True, slots=True)
class Hovering:
    """A ball or box that turns back in mid-air; `height` above the floor, stage units."""

    paint: Paint
    round_thing: bool
    radius: float
    x: float
    floor: float
    height: Track
    impacts: tuple[Impact, ...] = ()
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the thing and its shadow far below."""
        centre = (self.x, self.floor - self.height.value(time_s) - self.radius)
        canvas.ellipse((self.x, self.floor + 0.012), self.radius * 0.8, 0.012, (20, 18, 22), 0.25)
        if self.round_thing:
            paint_ball(canvas, self.paint, centre, self.radius)
        else:
            paint_block(canvas, self.paint, centre, self.radius, self.radius)


@dataclass(frozen=True, slots=True)
class Dangling:
    """A pendulum with nothing in its way."""

    colour: tuple[int, int, int]
    x: float
    rod: float
    bob: float
    widest: float
    swing_hz: float
    phase: float
    impacts: tuple[Impact, ...] = ()
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the pendulum."""
        angle = self.widest * sin(2 * pi * self.swing_hz * time_s + self.phase)
        end = (self.x + self.rod * sin(angle), self.rod * cos(angle))
        canvas.stroke((self.x, -3.0), (self.x, 0.0), 0.022, NEUTRAL_DARK)
        canvas.stroke((self.x, 0.0), end, 0.022, NEUTRAL_DARK)
        canvas.ellipse(end, self.bob, self.bob, self.colour)


@dataclass(frozen=True, slots=True)
class Resting:
    """A block that just stands there."""

    paint: Paint
    x: float
    floor: float
    radius: float
    impacts: tuple[Impact, ...] = ()
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the block; `time_s` does not matter."""
        del time_s
        paint_block(
            canvas, self.paint, (self.x, self.floor - self.radius), self.radius, self.radius
        )


def make_drifting(rng: np.random.Generator, colour: tuple[int, int, int]) -> Drifting:
    """Invent a drifting shape."""
    speed = between(rng, 0.04, 0.3) * (1 if rng.random() < 0.5 else -1)
    return Drifting(
        colour,
        int(rng.integers(3, 8)),
        between(rng, 0.04, 0.09),
        between(rng, 0.0, 2.0),
        between(rng, 0.08, 0.4),
        speed,
        between(rng, 0.05, 0.5),
    )


def make_standing(
    rng: np.random.Generator, place: Place, paint: Paint, colour: tuple[int, int, int]
) -> Hovering | Dangling | Resting:
    """Invent a bystander that has `place` to itself."""
    kind = rng.random()
    if kind < 0.55:
        return _hovering(rng, place, paint)
    if kind < 0.85:
        rod = between(rng, 0.35, 0.6)
        return Dangling(
            colour,
            place.middle,
            rod,
            between(rng, 0.06, 0.1),
            min(0.9, place.width / 2.6 / rod) * between(rng, 0.5, 1.0),
            between(rng, 0.3, 0.9),
            between(rng, 0, 6.28),
        )
    return Resting(paint, place.middle, place.floor, between(rng, 0.09, 0.14))


def _hovering(rng: np.random.Generator, place: Place, paint: Paint) -> Hovering:
    """A bounce on nothing: it turns back sharply, clear of the floor."""
    lowest = between(rng, 0.14, 0.3)
    gravity = between(rng, 2.0, 4.5)
    height = TrackBuilder(lowest + between(rng, 0.1, 0.3))
    height.hold(place.wait_s(rng, 0.05, 0.8))
    while height.time_s < place.duration_s:
        fall_s = (2 * (height.value - lowest) / gravity) ** 0.5
        speed = gravity * fall_s
        height.throw(fall_s, 0.0, -gravity, lowest)
        for _ in range(int(rng.integers(0, 4))):
            speed *= between(rng, 0.6, 0.95)
            height.throw(2 * speed / gravity, speed, -gravity, lowest)
        height.slow_down(between(rng, 0.3, 0.6), lowest + between(rng, 0.12, 0.3))
        height.hold(place.wait_s(rng, 0.05, 0.8))
    return Hovering(
        paint,
        bool(rng.random() < 0.6),
        between(rng, 0.09, 0.13),
        place.middle,
        place.floor,
        height.track(),
    )
