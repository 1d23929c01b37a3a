"""A stick, bat, sword or whip swung fast through the air; nothing is hit."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from ..canvas import Canvas, Colour, turned
from ..motion import Impact, Sustain, Track, TrackBuilder, steady
from ..paint import Paint
from .hands import any_skin, draw_hand
from .place import NEUTRAL_DARK, Place, between
from .rhythm import silence_s

_KINDS = ("stick", "bat", "sword", "paddle")
_USUAL_SPEED = 12.0  # radians per second, at the middle of a swing


@dataclass(frozen=True, slots=True)
class Whooshing:
    """`angle` is the tool's, radians, 0 to the right, clockwise seen; it turns about the hand."""

    paint: Paint
    kind: str
    skin: Colour
    hand: tuple[float, float]
    length: float
    floor: float
    side: int
    angle: Track
    sustains: tuple[Sustain, ...]
    impacts: tuple[Impact, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the figure's arm, and the tool with the blur of its way."""
        angle = self.angle.value(time_s)
        shoulder = (self.hand[0] - self.side * 0.16, self.hand[1] - 0.03)
        canvas.stroke(shoulder, (shoulder[0], self.floor), 0.13, NEUTRAL_DARK)
        canvas.ellipse((shoulder[0], shoulder[1] - 0.13), 0.07, 0.08, self.skin)
        for back_s, alpha in ((0.03, 0.16), (0.015, 0.3)):
            before = self.angle.value(time_s - back_s)
            if abs(before - angle) > 0.05:
                self._tool(canvas, before, alpha)
        self._tool(canvas, angle, 1.0)
        canvas.stroke(shoulder, self.hand, 0.07, (70, 84, 122))
        draw_hand(canvas, self.hand, 0.045, pi if self.side > 0 else 0.0, self.skin)

    def _tool(self, canvas: Canvas, angle: float, alpha: float) -> None:
        length = self.length
        if self.kind == "bat":
            half = [[0.0, 0.018], [0.4, 0.022], [0.75, 0.05], [1.0, 0.045]]
        elif self.kind == "sword":
            half = [
                [0.0, 0.02],
                [0.12, 0.02],
                [0.13, 0.06],
                [0.17, 0.06],
                [0.18, 0.024],
                [1.0, 0.0],
            ]
        elif self.kind == "paddle":
            half = [[0.0, 0.016], [0.55, 0.016], [0.62, 0.08], [0.95, 0.08], [1.0, 0.04]]
        else:
            half = [[0.0, 0.016], [1.0, 0.016]]
        upper = np.array(half) * (length, 1.0)
        outline = np.vstack([upper, upper[::-1] * (1.0, -1.0)])
        canvas.polygon(turned(outline, self.hand, angle), self.paint.base, alpha)
        if alpha == 1.0:
            edge = (
                self.hand[0] + cos(angle) * length * 0.95,
                self.hand[1] + sin(angle) * length * 0.95,
            )
            canvas.stroke(self.hand, edge, 0.012, self.paint.light)


def make_whooshing(rng: np.random.Generator, place: Place, paint: Paint) -> Whooshing:
    """Invent someone who swings a tool in `place`."""
    side = 1 if rng.random() < 0.5 else -1
    length = min(between(rng, 0.28, 0.45), place.width * 0.5)
    ahead = 0.0 if side > 0 else pi
    up, down = -between(rng, 0.8, 1.5), between(rng, 0.5, 1.1)
    ends = (ahead + side * up, ahead + side * down)
    angle = TrackBuilder(ends[0])
    hand = (place.middle - side * length * 0.3, place.floor - between(rng, 0.38, 0.5))
    sustains: list[Sustain] = []
    at = 0
    angle.hold(place.wait_s(rng, 0.3, 1.3))
    while angle.time_s < place.duration_s:
        swing_s = between(rng, 0.16, 0.4)
        start_s = angle.time_s
        turn = ends[1 - at] - angle.value
        angle.ease(swing_s, ends[1 - at])
        sustains.append(
            _heard(start_s, swing_s, 1.5 * abs(turn) / swing_s, hand[0] + side * length)
        )
        at = 1 - at
        if at == 1 and rng.random() < 0.6:
            # Lifted back slowly, without a sound.
            angle.hold(between(rng, 0.1, 0.5))
            angle.ease(between(rng, 0.8, 1.3), ends[0])
            at = 0
        angle.hold(silence_s(rng, place, 0.2, 1.2))
    return Whooshing(
        paint,
        _KINDS[int(rng.integers(len(_KINDS)))],
        any_skin(rng),
        hand,
        length,
        place.floor,
        side,
        angle.track(),
        tuple(sustains),
    )


def _heard(start_s: float, swing_s: float, speed: float, x: float) -> Sustain:
    level = TrackBuilder(0.0)
    level.time_s = start_s
    level.ease(swing_s / 2, min(1.0, 0.2 + 0.6 * speed / _USUAL_SPEED))
    level.ease(swing_s / 2, 0.0)
    rate = min(1.8, max(0.6, speed / _USUAL_SPEED))
    return Sustain(start_s, swing_s, level.track(), steady(rate), x)
