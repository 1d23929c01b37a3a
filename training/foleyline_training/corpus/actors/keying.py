"""Fingers on keys, on a button, on a toggle: short bursts of clicks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..canvas import Canvas, Colour, box_points, turned
from ..motion import Impact, Sustain, Track, TrackBuilder, struck
from ..paint import Paint
from .hands import any_skin, draw_finger
from .place import NEUTRAL_DARK, Place, between
from .rhythm import bursts


@dataclass(frozen=True, slots=True)
class Keying:
    """A row of keys, one finger for each; `heights` are the fingertips' above a pressed key.

    `top` is the y of a key that is not pressed; a key sinks by `travel` and clicks at the bottom.
    """

    paint: Paint
    skin: Colour
    keys: tuple[float, ...]
    top: float
    floor: float
    half_width: float
    depth: float
    travel: float
    heights: tuple[Track, ...]
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the board, the keys and the fingers with their hand."""
        left, right = self.keys[0] - self.half_width * 1.4, self.keys[-1] + self.half_width * 1.4
        base = self.top + self.depth
        board = np.array(
            [
                [left, base - 0.05],
                [right, base - 0.05],
                [right + 0.04, self.floor],
                [left - 0.04, self.floor],
            ]
        )
        canvas.polygon(board, NEUTRAL_DARK)
        tips = [height.value(time_s) for height in self.heights]
        for x, tip in zip(self.keys, tips, strict=True):
            sunk = max(0.0, self.travel - tip)
            middle = (x, self.top + sunk + self.depth / 2)
            canvas.polygon(
                box_points(self.half_width * 0.9, self.depth / 2) + middle, self.paint.dark
            )
            face = (x, self.top + sunk + self.depth * 0.3)
            canvas.polygon(
                box_points(self.half_width * 0.8, self.depth * 0.25) + face, self.paint.base
            )
        width = self.half_width * 1.1
        mean = sum(tips) / len(tips)
        knuckles = self.top + self.travel - 0.3 - 0.35 * mean
        middle = (self.keys[0] + self.keys[-1]) / 2
        reach = (self.keys[-1] - self.keys[0]) / 2 + width * 0.8
        canvas.ellipse((middle, knuckles - 0.06), reach, 0.12, self.skin)
        canvas.stroke(
            (middle, knuckles - 0.06), (middle, knuckles - 1.5), reach * 1.3, (70, 84, 122)
        )
        for x, tip in zip(self.keys, tips, strict=True):
            y = self.top + self.travel - tip
            draw_finger(canvas, (x, y), max(0.05, y - knuckles), width, self.skin)


@dataclass(frozen=True, slots=True)
class Toggling:
    """A lever on a plate, flipped by a finger; `tilt` is -1 or 1 at its stops."""

    paint: Paint
    skin: Colour
    x: float
    y: float
    size: float
    floor: float
    tilt: Track
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the plate, the lever and the finger behind its end."""
        tilt = self.tilt.value(time_s)
        half = self.size
        if self.y + half < self.floor:
            canvas.stroke((self.x, self.y), (self.x, self.floor), half * 0.5, NEUTRAL_DARK)
        canvas.polygon(turned(box_points(half * 1.5, half), (self.x, self.y), 0.0), self.paint.dark)
        canvas.polygon(
            turned(box_points(half * 1.35, half * 0.85), (self.x, self.y), 0.0), self.paint.base
        )
        end = (self.x + tilt * half * 0.75, self.y - half * 1.1)
        canvas.stroke((self.x, self.y), end, half * 0.32, NEUTRAL_DARK)
        canvas.ellipse(end, half * 0.25, half * 0.25, self.paint.light)
        draw_finger(canvas, (end[0] + 0.02, end[1] + 0.01), 0.25, half * 0.36, self.skin)
        canvas.ellipse((end[0] + 0.02, end[1] - 0.28), half * 0.7, 0.1, self.skin)


def make_keying(rng: np.random.Generator, place: Place, paint: Paint) -> Keying | Toggling:
    """Invent keys, a single large button or a toggle in `place`, and who works them."""
    if rng.random() < 0.2:
        return _toggling(rng, place, paint)
    count = 1 if rng.random() < 0.25 else int(rng.integers(3, 7))
    half_width = between(rng, 0.06, 0.1) if count == 1 else min(0.055, place.width / 2.6 / count)
    xs = [place.middle + (k - (count - 1) / 2) * 2 * half_width for k in range(count)]
    depth = between(rng, 0.07, 0.13)
    travel = between(rng, 0.02, 0.035)
    each: list[list[tuple[float, float]]] = [[] for _ in xs]
    found: list[Impact] = []
    for time_s, strength in bursts(rng, place, most=7):
        free = [k for k, one in enumerate(each) if not one or time_s - one[-1][0] > 0.24]
        if count > 1 and not free:
            continue
        which = free[int(rng.integers(len(free)))] if count > 1 else 0
        each[which].append((time_s, strength))
        found.append(Impact(time_s, strength * 0.8, xs[which]))
    highest = between(rng, 0.14, 0.26)
    return Keying(
        paint,
        any_skin(rng),
        tuple(xs),
        place.floor - between(rng, 0.14, 0.24) - travel,
        place.floor,
        half_width,
        depth,
        travel,
        tuple(struck(one, highest=highest) for one in each),
        tuple(found),
    )


def _toggling(rng: np.random.Generator, place: Place, paint: Paint) -> Toggling:
    side = -1.0
    tilt = TrackBuilder(side)
    size = between(rng, 0.12, 0.18)
    found: list[Impact] = []
    for time_s, strength in bursts(rng, place, most=3):
        if time_s - tilt.time_s < 0.2:
            continue
        flip_s = min(0.7 * (time_s - tilt.time_s), 0.17 - 0.08 * strength)
        tilt.hold(time_s - flip_s - tilt.time_s)
        side = -side
        tilt.speed_up(time_s - tilt.time_s, side)
        found.append(Impact(time_s, strength, place.middle + side * size))
    return Toggling(
        paint,
        any_skin(rng),
        place.middle,
        place.floor - size - between(rng, 0.0, 0.2),
        size,
        place.floor,
        tilt.track(),
        tuple(found),
    )
