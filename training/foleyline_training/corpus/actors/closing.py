"""Lids that fall shut and panels that slide shut; only the closing sounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..canvas import Canvas, box_points, turned
from ..motion import Impact, Sustain, Track, TrackBuilder, ringing
from ..paint import Paint, paint_block
from .place import FLASH, NEUTRAL_DARK, Place, at_place, between

_KNOB = (246, 208, 70)
_INSIDE = (24, 20, 24)


@dataclass(frozen=True, slots=True)
class Lid:
    """A chest seen from its side; `gap` is the lid's angle, radians, 0 shut; sizes in stage units.

    `side` is 1 when the hinge is at the right.
    """

    paint: Paint
    x: float
    floor: float
    half_width: float
    height: float
    thickness: float
    side: int
    gap: Track
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the chest and its lid."""
        shaking = canvas.flash * ringing(self.impacts, time_s, 0.07)
        gap = self.gap.value(time_s)
        top = self.floor - self.height
        canvas.stroke(
            (self.x - self.half_width * 0.9, top),
            (self.x + self.half_width * 0.9, top),
            0.05,
            _INSIDE,
        )
        middle = (self.x, self.floor - self.height / 2)
        paint_block(
            canvas, self.paint.lit(FLASH * shaking), middle, self.half_width, self.height / 2
        )
        hinge = (self.x + self.side * self.half_width, top)
        to_hinge = np.array([-self.side * self.half_width, -self.thickness / 2])
        plate = box_points(self.half_width * 1.04, self.thickness / 2) + to_hinge
        canvas.polygon(turned(plate, hinge, self.side * gap), self.paint.dark)
        inner = plate * (0.97, 0.6) - (0.0, self.thickness * 0.2)
        canvas.polygon(turned(inner, hinge, self.side * gap), self.paint.lit(FLASH * shaking).light)
        knob = turned(
            np.array([[-self.side * self.half_width * 2.0, -self.thickness / 2]]),
            hinge,
            self.side * gap,
        )
        canvas.ellipse((knob[0, 0], knob[0, 1]), 0.035, 0.035, _KNOB)


@dataclass(frozen=True, slots=True)
class SlidingDoor:
    """A panel sliding to a jamb; `gap` is the way left open, stage units, 0 shut.

    `side` is 1 when the jamb is at the right.
    """

    paint: Paint
    jamb: float
    floor: float
    width: float
    height: float
    side: int
    gap: Track
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the frame, the dark opening and the panel."""
        shaking = canvas.flash * ringing(self.impacts, time_s, 0.07)
        gap = self.gap.value(time_s)
        top = self.floor - self.height
        opening = (self.jamb - self.side * self.width / 2, (top + self.floor) / 2)
        canvas.polygon(box_points(self.width / 2, self.height / 2) + opening, _INSIDE)
        edge = self.jamb - self.side * gap
        middle = (edge - self.side * self.width / 2, opening[1])
        paint = self.paint.lit(FLASH * shaking)
        paint_block(canvas, paint, middle, self.width / 2, self.height / 2)
        canvas.ellipse((edge - self.side * 0.06, opening[1]), 0.035, 0.045, _KNOB)
        post = self.jamb + self.side * (0.035 + 0.015 * shaking)
        canvas.stroke((post, top - 0.04), (post, self.floor), 0.07, NEUTRAL_DARK)
        far = self.jamb - self.side * self.width * 1.9
        canvas.stroke((far, top - 0.02), (post, top - 0.02), 0.04, NEUTRAL_DARK)


def make_closing(rng: np.random.Generator, place: Place, paint: Paint) -> Lid | SlidingDoor:
    """Invent a lid or a sliding door in `place`."""
    side = 1 if rng.random() < 0.5 else -1
    if rng.random() < 0.5:
        half_width = min(place.width / 2 - 0.05, between(rng, 0.18, 0.26))
        gap = _openings(rng, place, between(rng, 0.7, 1.25), 16.0)
        x = place.middle
        return Lid(
            paint,
            x,
            place.floor,
            half_width,
            between(rng, 0.2, 0.3),
            between(rng, 0.06, 0.08),
            side,
            gap.track(),
            at_place(gap.impacts, x - side * half_width),
        )
    width = min((place.width - 0.1) / 2, between(rng, 0.24, 0.34))
    jamb = place.middle + side * width
    gap = _openings(rng, place, width * between(rng, 0.6, 0.9), 4.0)
    return SlidingDoor(
        paint,
        jamb,
        place.floor,
        width,
        between(rng, 0.42, 0.58),
        side,
        gap.track(),
        at_place(gap.impacts, jamb),
    )


def _openings(
    rng: np.random.Generator, place: Place, widest: float, fastest: float
) -> TrackBuilder:
    """Build: open softly, wait, shut hard, again and again; `fastest` has strength 1."""
    gap = TrackBuilder(widest * between(rng, 0.6, 1.0) if rng.random() < 0.5 else 0.0)
    gap.hold(place.wait_s(rng, 0.1, 0.8))
    while gap.time_s < place.duration_s:
        if gap.value == 0.0:
            gap.ease(max(0.25, place.wait_s(rng, 0.25, 0.6)), widest * between(rng, 0.55, 1.0))
            gap.hold(place.wait_s(rng, 0.03, 0.35))
        shut_s = between(rng, 0.13, 0.32)
        speed = 2 * gap.value / shut_s
        gap.speed_up(shut_s, 0.0)
        gap.impact(0.15 + speed / fastest)
        gap.hold(place.wait_s(rng, 0.05, 0.5))
    return gap
