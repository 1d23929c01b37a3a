"""A block dragged to and fro by a hand, or a saw through a log: a sound for each stroke."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..canvas import Canvas, Colour, box_points, turned
from ..motion import Impact, Sustain, Track, TrackBuilder, steady
from ..paint import Paint, paint_block
from .hands import any_skin, draw_hand
from .place import NEUTRAL_DARK, Place, between
from .rhythm import silence_s

_USUAL_SPEED = 1.1  # stage units per second, at the middle of a stroke
_BLADE: Colour = (176, 182, 190)


@dataclass(frozen=True, slots=True)
class Scraping:
    """`x` is the middle of what is moved; a `saw` moves on a log, a block on a bench."""

    paint: Paint
    skin: Colour
    saw: bool
    middle: float
    floor: float
    bench: float
    half_width: float
    half_height: float
    side: int
    reach: float
    x: Track
    sustains: tuple[Sustain, ...]
    impacts: tuple[Impact, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the bench or log, and what is dragged across it, with its hand."""
        x, top = self.x.value(time_s), self.floor - self.bench
        if self.saw:
            self._saw(canvas, x, top)
            return
        if self.bench > 0:
            half = self.reach / 2 + self.half_width + 0.03
            canvas.polygon(
                turned(box_points(half, 0.025), (self.middle, top + 0.025), 0.0), NEUTRAL_DARK
            )
            for side in (-1, 1):
                leg = self.middle + side * half * 0.85
                canvas.stroke((leg, top), (leg, self.floor), 0.05, NEUTRAL_DARK)
        paint_block(
            canvas, self.paint, (x, top - self.half_height), self.half_width, self.half_height
        )
        hand = (x - self.side * self.half_width * 0.4, top - 2 * self.half_height - 0.02)
        draw_hand(canvas, hand, 0.065, -1.57 - self.side * 0.6, self.skin)

    def _saw(self, canvas: Canvas, x: float, top: float) -> None:
        log = (self.middle, (top + self.floor) / 2)
        paint_block(canvas, self.paint, log, self.half_width, self.bench / 2)
        cut = top + 0.05
        length = self.reach / 2 + 0.2
        edge = np.array(
            [(x + length * (k / 9 - 1), cut - 0.028 * (k % 2)) for k in range(19)], dtype=np.float64
        )
        back = np.array([[x + length, cut - 0.09], [x - length, cut - 0.12]])
        canvas.polygon(np.concatenate([edge, back]), _BLADE)
        handle = (x - self.side * (length + 0.03), cut - 0.07)
        canvas.ellipse(handle, 0.06, 0.075, NEUTRAL_DARK)
        draw_hand(canvas, handle, 0.05, 1.57 + self.side * 1.2, self.skin)


def make_scraping(rng: np.random.Generator, place: Place, paint: Paint) -> Scraping:
    """Invent something dragged in `place`."""
    saw = rng.random() < 0.35
    half_width = between(rng, 0.1, 0.16) if saw else between(rng, 0.08, 0.16)
    reach = min(between(rng, 0.18, 0.5), max(0.1, place.width - 2 * half_width - 0.1))
    if saw:
        reach = min(reach, 0.3)
    x = TrackBuilder(place.middle - reach / 2)
    strokes = _strokes(rng, place, x, reach)
    return Scraping(
        paint,
        any_skin(rng),
        bool(saw),
        place.middle,
        place.floor,
        between(rng, 0.2, 0.32) if saw else (between(rng, 0.1, 0.25) if rng.random() < 0.5 else 0),
        half_width,
        between(rng, 0.06, 0.12),
        1 if rng.random() < 0.5 else -1,
        reach,
        x.track(),
        tuple(_heard(*stroke, place.middle) for stroke in strokes),
    )


def _strokes(
    rng: np.random.Generator, place: Place, x: TrackBuilder, reach: float
) -> list[tuple[float, float, float]]:
    """Build the strokes; return start, length and greatest speed of each."""
    found: list[tuple[float, float, float]] = []
    ahead = 1
    x.hold(place.wait_s(rng, 0.1, 1.0))
    while x.time_s < place.duration_s:
        stroke_s = between(rng, 0.28, 0.8)
        for _ in range(int(rng.integers(2, 9))):
            to = place.middle + ahead * reach / 2 * between(rng, 0.7, 1.0)
            length_s = stroke_s * between(rng, 0.9, 1.1)
            found.append((x.time_s, length_s, 1.5 * abs(to - x.value) / length_s))
            x.ease(length_s, to)
            ahead = -ahead
            if rng.random() < 0.2:
                x.hold(between(rng, 0.02, 0.2))
        x.hold(silence_s(rng, place, 0.4, 1.4))
    return found


def _heard(start_s: float, length_s: float, speed: float, x: float) -> Sustain:
    """The level follows the speed of the stroke: from 0 to its greatest and back."""
    level = TrackBuilder(0.0)
    level.time_s = start_s
    level.slow_down(length_s / 2, min(1.0, max(0.15, speed / _USUAL_SPEED) ** 0.6))
    level.speed_up(length_s / 2, 0.0)
    rate = min(2.0, max(0.5, (speed / _USUAL_SPEED) ** 0.5))
    return Sustain(start_s, length_s, level.track(), steady(rate), x)
