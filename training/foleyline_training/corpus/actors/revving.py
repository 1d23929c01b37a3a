"""A fan, a flywheel or a car whose speed rises and falls; the engine's pitch follows it."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from ..canvas import Canvas, box_points, turned
from ..motion import Impact, Sustain, Track, TrackBuilder
from ..paint import Paint, paint_block
from .place import NEUTRAL_DARK, Place, between

_TURNS_HZ = 50
_IDLE = 0.35
_KINDS = ("fan", "flywheel", "car")


@dataclass(frozen=True, slots=True)
class Revving:
    """`speed` is 0 at rest, 1 usual; `turns` radians at every 1/50 s, the speed summed up."""

    paint: Paint
    kind: str
    blades: int
    x: float
    floor: float
    size: float
    side: int
    speed: Track
    turns: NDArray[np.float64]
    sustains: tuple[Sustain, ...]
    impacts: tuple[Impact, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the machine; it trembles with its speed."""
        at = time_s * _TURNS_HZ
        angle = float(np.interp(at, np.arange(self.turns.size), self.turns))
        tremble = 0.004 * min(1.5, self.speed.value(time_s)) * sin(70.0 * time_s)
        if self.kind == "fan":
            self._fan(canvas, angle)
        elif self.kind == "flywheel":
            self._flywheel(canvas, angle, tremble)
        else:
            self._car(canvas, angle, tremble, time_s)

    def _fan(self, canvas: Canvas, angle: float) -> None:
        hub = (self.x, self.floor - 0.12 - self.size * 1.15)
        canvas.stroke(hub, (self.x, self.floor), 0.04, NEUTRAL_DARK)
        canvas.ellipse((self.x, self.floor - 0.02), self.size * 0.6, 0.03, NEUTRAL_DARK)
        canvas.ring(hub, self.size * 1.1, self.size * 1.1, 0.022, NEUTRAL_DARK)
        blade = np.array([[0.05, -0.1], [0.95, -0.32], [1.0, 0.0], [0.9, 0.2], [0.05, 0.12]])
        for k in range(self.blades):
            turn = self.side * angle + k * 2 * pi / self.blades
            colour = self.paint.dark if k == 0 else self.paint.base
            canvas.polygon(turned(blade * self.size, hub, turn), colour)
        canvas.ellipse(hub, self.size * 0.16, self.size * 0.16, NEUTRAL_DARK)

    def _wheel(self, canvas: Canvas, hub: tuple[float, float], radius: float, angle: float) -> None:
        canvas.ellipse(hub, radius, radius, NEUTRAL_DARK)
        canvas.ellipse(hub, radius * 0.78, radius * 0.78, self.paint.light)
        for k in range(self.blades):
            turn = self.side * angle + k * 2 * pi / self.blades
            rim = (hub[0] + cos(turn) * radius * 0.8, hub[1] + sin(turn) * radius * 0.8)
            canvas.stroke(hub, rim, radius * 0.2, self.paint.dark if k else (200, 60, 50))
        canvas.ellipse(hub, radius * 0.2, radius * 0.2, NEUTRAL_DARK)

    def _flywheel(self, canvas: Canvas, angle: float, tremble: float) -> None:
        size = self.size
        body = (self.x + self.side * size * 0.75, self.floor - size * 0.7 + tremble)
        paint_block(canvas, self.paint, body, size * 0.6, size * 0.7)
        pipe = body[0] + self.side * size * 0.35
        canvas.stroke(
            (pipe, body[1] - size * 0.7), (pipe, body[1] - size * 1.2), 0.05, NEUTRAL_DARK
        )
        hub = (self.x - self.side * size * 0.5, self.floor - size * 0.95 + tremble)
        pulley = (body[0], body[1])
        for shift in (-1, 1):
            start = (hub[0], hub[1] + shift * size * 0.8)
            canvas.stroke(start, (pulley[0], pulley[1] + shift * size * 0.3), 0.02, NEUTRAL_DARK)
        self._wheel(canvas, hub, size * 0.85, angle)
        self._wheel(canvas, pulley, size * 0.3, angle * 2.4)

    def _car(self, canvas: Canvas, angle: float, tremble: float, time_s: float) -> None:
        size, radius = self.size, self.size * 0.42
        base = self.floor - radius * 1.1 + tremble
        # Marks on the road run past, so the car is seen to drive though it stays in the picture.
        for k in range(6):
            shift = (k * 0.4 + self.side * -1 * angle * radius * 0.5) % 2.4 - 1.2
            x = self.x + shift * size * 1.6
            canvas.stroke(
                (x - 0.05, self.floor + 0.03), (x + 0.05, self.floor + 0.03), 0.015, (228, 228, 228)
            )
        body = turned(box_points(size * 1.5, size * 0.36), (self.x, base - size * 0.3), 0.0)
        canvas.polygon(body, self.paint.base)
        top = (self.x, base - size * 0.62)
        cabin = np.array([[-0.8, 0.0], [-0.5, -0.6], [0.35, -0.6], [0.75, 0.0]])
        canvas.polygon(cabin * (self.side * size, size) + top, self.paint.dark)
        window = np.array([[-0.6, -0.06], [-0.4, -0.5], [0.28, -0.5], [0.55, -0.06]])
        canvas.polygon(window * (self.side * size, size) + top, (188, 214, 226))
        for place in (-0.9, 0.9):
            self._wheel(canvas, (self.x + place * size, self.floor - radius), radius, angle)
        puff = self.speed.value(time_s)
        if puff > 0.1:
            phase = (time_s * (1.5 + 2 * puff)) % 1.0
            x = self.x - self.side * size * (1.6 + 0.5 * phase)
            canvas.ellipse(
                (x, base - 0.1 * phase),
                0.05 * size + 0.06 * phase,
                0.05,
                (214, 214, 214),
                0.5 * (1 - phase),
            )


def make_revving(rng: np.random.Generator, place: Place, paint: Paint) -> Revving:
    """Invent a machine in `place` and how its speed goes."""
    kind = _KINDS[int(rng.integers(len(_KINDS)))]
    size = min(between(rng, 0.14, 0.24), place.width / (3.6 if kind == "car" else 3.2))
    speed = TrackBuilder(0.0)
    starts = _runs(rng, place, speed)
    track = speed.track()
    times = np.arange(round(place.duration_s * _TURNS_HZ) + 2) / _TURNS_HZ
    speeds = np.array([track.value(time_s) for time_s in times.tolist()])
    fastest = between(rng, 7.0, 11.0)
    return Revving(
        paint,
        kind,
        int(rng.integers(3, 6)),
        place.middle,
        place.floor,
        size,
        1 if rng.random() < 0.5 else -1,
        track,
        np.cumsum(speeds) * (fastest / _TURNS_HZ),
        tuple(_heard(track, start_s, end_s, place.middle) for start_s, end_s in starts),
    )


def _runs(rng: np.random.Generator, place: Place, speed: TrackBuilder) -> list[tuple[float, float]]:
    """Build runs of the machine: it starts, revs up and down, stops; return their times."""
    found: list[tuple[float, float]] = []
    if rng.random() < 0.4:
        speed.hold(between(rng, 0.3, 2.0))
    while speed.time_s < place.duration_s:
        start_s = speed.time_s
        speed.ease(between(rng, 0.3, 0.8), between(rng, _IDLE, 0.9))
        for _ in range(int(rng.integers(2, 7))):
            speed.ease(between(rng, 0.3, 1.2), between(rng, _IDLE, 1.7))
            speed.hold(place.wait_s(rng, 0.03, 0.7))
        speed.ease(between(rng, 0.6, 1.2), 0.0)
        found.append((start_s, speed.time_s))
        speed.hold(between(rng, 0.6, 2.5))
    return found


def _heard(speed: Track, start_s: float, end_s: float, x: float) -> Sustain:
    """Level and pitch follow the speed, sampled at its turning points."""
    level, rate = TrackBuilder(0.0), TrackBuilder(0.5)
    level.time_s = rate.time_s = start_s
    for begin_s, length_s in zip(speed.starts, speed.lengths, strict=True):
        if begin_s < start_s - 1e-6 or begin_s > end_s - 1e-6:
            continue
        to = speed.value(begin_s + length_s)
        level.ease(length_s, 0.0 if to < 0.01 else 0.3 + 0.4 * to)
        rate.ease(length_s, 0.5 + 0.6 * to)
    return Sustain(start_s, end_s - start_s, level.track(), rate.track(), x)
