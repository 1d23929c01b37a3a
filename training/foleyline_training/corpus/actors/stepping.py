"""A figure that walks to and fro; every foot that comes down sounds."""

from __future__ import annotations

from dataclasses import dataclass
from math import sin

import numpy as np

from ..canvas import Canvas
from ..motion import Impact, Sustain, Track, TrackBuilder, ringing
from ..paint import Paint
from .place import Place, between

_TROUSERS = ((58, 62, 92), (42, 44, 66))
_SKIN = (222, 178, 146)


@dataclass(frozen=True, slots=True)
class Stepping:
    """For each of two feet, `x` and `height` of its sole; `leg` is the hip's height; stage units.

    `facing` holds (time_s, direction) of every turn.
    """

    paint: Paint
    floor: float
    leg: float
    x: tuple[Track, Track]
    height: tuple[Track, Track]
    facing: tuple[tuple[float, int], ...]
    walkway: tuple[float, float]
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the figure, farther leg first."""
        ahead = 1
        for turned_at, direction in self.facing:
            if turned_at <= time_s:
                ahead = direction
        shaking = canvas.flash * ringing(self.impacts, time_s, 0.07)
        feet = [
            (self.x[k].value(time_s), self.floor - self.height[k].value(time_s)) for k in (0, 1)
        ]
        hip = ((feet[0][0] + feet[1][0]) / 2, self.floor - self.leg + 0.015 * shaking)
        shoulder = (hip[0] + 0.01 * ahead, hip[1] - self.leg * 0.75)
        self._ground(canvas)
        for k in (1, 0):
            self._leg(canvas, hip, feet[k], ahead, k)
        canvas.stroke(hip, shoulder, self.leg * 0.36, self.paint.base)
        canvas.ellipse(shoulder, self.leg * 0.18, self.leg * 0.14, self.paint.base)
        head = (shoulder[0], shoulder[1] - self.leg * 0.28)
        canvas.ellipse(head, self.leg * 0.19, self.leg * 0.21, _SKIN)
        if shaking > 0.05:
            latest = max((i for i in self.impacts if i.time_s <= time_s), key=lambda i: i.time_s)
            self._dust(canvas, latest.x, shaking)

    def _ground(self, canvas: Canvas) -> None:
        """What is walked on: a hard slab, or loose grains in the thing's colours."""
        left, right = self.walkway
        if self.paint.texture != "speckle":
            for y, colour in (
                (self.floor + 0.02, self.paint.light),
                (self.floor + 0.045, self.paint.dark),
            ):
                canvas.stroke((left, y), (right, y), 0.025, colour)
            return
        count = round((right - left) / 0.035)
        for k in range(count):
            x = left + (k + 0.5) * (right - left) / count
            size = 0.016 + 0.01 * sin(7.3 * k)
            colour = self.paint.dark if k % 3 else self.paint.light
            canvas.ellipse((x, self.floor + 0.016 + 0.01 * sin(4.1 * k)), size * 1.3, size, colour)

    def _dust(self, canvas: Canvas, x: float, amount: float) -> None:
        for side in (-1, 1):
            place = (x + side * (0.1 + 0.05 * (1 - amount)), self.floor - 0.02)
            canvas.ellipse(place, 0.035, 0.022, (232, 226, 214), min(0.8, amount))

    def _leg(
        self,
        canvas: Canvas,
        hip: tuple[float, float],
        foot: tuple[float, float],
        ahead: int,
        which: int,
    ) -> None:
        ankle = (foot[0], foot[1] - 0.06)
        bend = 0.25 * (self.floor - foot[1]) + 0.03
        knee = ((hip[0] + ankle[0]) / 2 + ahead * bend, (hip[1] + ankle[1]) / 2)
        width = self.leg * 0.2
        canvas.stroke(hip, knee, width * 1.1, _TROUSERS[which])
        canvas.ellipse(knee, width * 0.5, width * 0.5, _TROUSERS[which])
        canvas.stroke(knee, ankle, width, _TROUSERS[which])
        boot = np.array([[-0.05, -0.075], [0.03, -0.075], [0.04, -0.05], [0.1, -0.035], [0.1, 0.0]])
        sole = np.vstack([boot, [[-0.05, 0.0]]]) * (ahead, 1.0) + foot
        canvas.polygon(sole, self.paint.base if which == 0 else self.paint.dark)
        canvas.stroke(
            (foot[0] - ahead * 0.05, foot[1] - 0.009),
            (foot[0] + ahead * 0.1, foot[1] - 0.009),
            0.018,
            (30, 24, 22),
        )


def make_stepping(rng: np.random.Generator, place: Place, paint: Paint) -> Stepping:
    """Invent a walker in `place`."""
    leg = between(rng, 0.29, 0.345)
    start = place.middle + between(rng, -0.2, 0.2) * place.width
    x = (TrackBuilder(start - 0.05), TrackBuilder(start + 0.05))
    height = (TrackBuilder(0.0), TrackBuilder(0.0))
    facing, places = _walk(rng, place, x, height)
    found = sorted(
        (time_s, strength, at)
        for foot in (0, 1)
        for (time_s, strength), at in zip(height[foot].impacts, places[foot], strict=True)
    )
    return Stepping(
        paint,
        place.floor,
        leg,
        (x[0].track(), x[1].track()),
        (height[0].track(), height[1].track()),
        tuple(facing),
        (place.left, place.right),
        tuple(Impact(*one) for one in found),
    )


def _walk(
    rng: np.random.Generator,
    place: Place,
    x: tuple[TrackBuilder, TrackBuilder],
    height: tuple[TrackBuilder, TrackBuilder],
) -> tuple[list[tuple[float, int]], tuple[list[float], list[float]]]:
    """Build the steps; return the turns and where each foot came down."""
    reach = max(0.0, place.width / 2 - 0.18)
    ahead = 1 if rng.random() < 0.5 else -1
    facing = [(0.0, ahead)]
    places: tuple[list[float], list[float]] = ([], [])
    gait = rng.random()
    period_s = min(1.1, max(0.26, between(rng, 0.36, 0.7) / place.pace**0.5))
    stride = between(rng, 0.1, 0.2)
    force = between(rng, 0.45, 0.9)
    if gait < 0.2:
        # Running: quick, wide and hard.
        period_s, stride, force = between(rng, 0.19, 0.27), between(rng, 0.18, 0.26), 0.9
    elif gait < 0.35:
        # Creeping, or marking time.
        period_s, stride, force = between(rng, 0.5, 0.9), between(rng, 0.0, 0.09), 0.35
    limp = between(rng, 0.75, 1.25) if rng.random() < 0.25 else 1.0
    time_s = place.wait_s(rng, 0.1, 0.8)
    left_to_go, foot = int(rng.integers(3, 10)), 0
    while time_s < place.duration_s:
        other = x[1 - foot].value
        if (
            abs(other + ahead * stride - place.middle) > reach
            and ahead * (other - place.middle) > 0
        ):
            ahead = -ahead
            facing.append((time_s, ahead))
        step_s = period_s * between(rng, 0.94, 1.06) * (limp if foot else 2 - limp)
        step_s = max(0.16, step_s)
        strength = min(1.0, max(0.1, force * between(rng, 0.75, 1.25)))
        to = other + ahead * min(stride, max(0.0, reach * 1.6))
        _step(x[foot], height[foot], time_s, step_s, to, strength)
        places[foot].append(to)
        time_s += step_s
        foot, left_to_go = 1 - foot, left_to_go - 1
        if left_to_go <= 0:
            left_to_go = int(rng.integers(3, 10))
            time_s += place.wait_s(rng, 0.3, 1.5)
    return facing, places


def _step(
    x: TrackBuilder,
    height: TrackBuilder,
    time_s: float,
    step_s: float,
    to: float,
    strength: float,
) -> None:
    """Lift a foot at `time_s` and set it down at `to`, `step_s` seconds later."""
    for track in (x, height):
        track.hold(time_s - track.time_s)
    x.ease(step_s, to)
    down_s = min(0.5 * step_s, 0.24 - 0.12 * strength)
    height.slow_down(0.45 * step_s, 0.07 + 0.07 * strength)
    height.hold(step_s - 0.45 * step_s - down_s)
    height.speed_up(down_s, 0.0)
    height.impact(strength)
    # Both tracks end at the same moment, so the next hold of either starts right.
    x.time_s = height.time_s
