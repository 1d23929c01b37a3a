"""Water that runs from a jug or a tap into a vessel."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import cos, sin, sqrt

import numpy as np

from ..canvas import Canvas, Colour, turned
from ..motion import Impact, Sustain, Track, TrackBuilder, steady, swell
from ..paint import Paint
from .place import NEUTRAL_DARK, Place, between
from .rhythm import silence_s

_WATER: Colour = (92, 158, 222)
_FOAM: Colour = (226, 240, 250)
_GRAVITY = 4.0
_POURS_AT = 1.15  # radians: a jug tilted this far runs
_TILT_S = 0.55


@dataclass(frozen=True, slots=True)
class Pouring:
    """`runs` holds (opens_s, shuts_s, width) of the stream at its mouth; `level` is 0..1 full.

    `mouth` and `floor` are heights (y); the vessel's inside is `half_width` and `depth` in size.
    """

    paint: Paint
    jug: bool
    x: float
    mouth: float
    floor: float
    half_width: float
    depth: float
    side: int
    runs: tuple[tuple[float, float, float], ...]
    level: Track
    tilt: Track
    sustains: tuple[Sustain, ...]
    impacts: tuple[Impact, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the stream, the vessel with what is in it, and the jug or tap."""
        surface = self.floor - 0.02 - self.level.value(time_s) * self.depth
        half = self.half_width
        water = np.array(
            [[-half, surface], [half, surface], [half * 0.9, self.floor], [-half * 0.9, self.floor]]
        )
        canvas.polygon(turned(water, (self.x, 0.0), 0.0), _WATER)
        self._stream(canvas, surface, time_s)
        wall = self.floor - self.depth - 0.05
        for side in (-1, 1):
            start = (self.x + side * (half + 0.01), wall)
            canvas.stroke(start, (self.x + side * half * 0.9, self.floor), 0.022, self.paint.dark)
        foot = half * 0.92
        canvas.stroke(
            (self.x - foot, self.floor - 0.01),
            (self.x + foot, self.floor - 0.01),
            0.025,
            self.paint.dark,
        )
        if self.jug:
            self._jug(canvas, self.tilt.value(time_s))
        else:
            self._tap(canvas, time_s)

    def _stream(self, canvas: Canvas, surface: float, time_s: float) -> None:
        """Each bit of water falls freely from the mouth."""
        at = bisect_right(self.runs, (time_s, 9e9, 9e9)) - 1
        if at < 0:
            return
        opens_s, shuts_s, width = self.runs[at]
        head = min(surface, self.mouth + _GRAVITY * (time_s - opens_s) ** 2 / 2)
        tail = self.mouth
        if time_s > shuts_s:
            tail = self.mouth + _GRAVITY * (time_s - shuts_s) ** 2 / 2
        if tail >= head:
            return
        sway = 0.004 * sin(31 * time_s)
        canvas.stroke((self.x, tail), (self.x + sway, head), width, _WATER)
        canvas.stroke(
            (self.x - width * 0.2, tail), (self.x - width * 0.2 + sway, head), width * 0.3, _FOAM
        )
        if head >= surface - 1e-6:
            for k in (-1, 0, 1):
                bob = 0.012 * (1 + sin(23 * time_s + 2.1 * k))
                spot = (self.x + k * width * 1.1, surface - bob)
                canvas.ellipse(spot, width * 0.6, 0.014, _FOAM)

    def _tap(self, canvas: Canvas, time_s: float) -> None:
        canvas.stroke((self.x, -3.0), (self.x, self.mouth), 0.07, NEUTRAL_DARK)
        at = bisect_right(self.runs, (time_s, 9e9, 9e9)) - 1
        turn = 1.2 if at >= 0 and time_s < self.runs[at][1] else 0.0
        knob = (self.x, self.mouth - 0.09)
        arm = (cos(turn) * 0.08, sin(turn) * 0.05)
        canvas.stroke(
            (knob[0] - arm[0], knob[1] - arm[1]),
            (knob[0] + arm[0], knob[1] + arm[1]),
            0.03,
            self.paint.light,
        )

    def _jug(self, canvas: Canvas, tilt: float) -> None:
        """The lip stays above the vessel while the jug turns about it."""
        body = np.array([[0.0, 0.0], [0.24, 0.0], [0.26, 0.3], [0.02, 0.3]]) * (self.side, 1.0)
        lip = (self.x, self.mouth)
        turn = -self.side * tilt
        canvas.polygon(turned(body, lip, turn), self.paint.dark)
        inner = body * 0.86 + np.array([[self.side * 0.018, 0.02]])
        canvas.polygon(turned(inner, lip, turn), self.paint.base)
        ends = turned(np.array([[self.side * 0.26, 0.07], [self.side * 0.34, 0.15]]), lip, turn)
        canvas.stroke(tuple(ends[0].tolist()), tuple(ends[1].tolist()), 0.03, self.paint.dark)


def make_pouring(rng: np.random.Generator, place: Place, paint: Paint) -> Pouring:
    """Invent what pours, what into, and when, in `place`."""
    jug = rng.random() < 0.55
    half_width = min(between(rng, 0.09, 0.2), place.width / 4)
    depth = between(rng, 0.14, 0.26)
    mouth = place.floor - depth - between(rng, 0.2, 0.36)
    level, tilt = TrackBuilder(between(rng, 0.1, 0.4)), TrackBuilder(0.2)
    runs: list[tuple[float, float, float]] = []
    sustains: list[Sustain] = []
    time_s = place.wait_s(rng, 0.3, 1.5)
    while time_s < place.duration_s:
        length_s = between(rng, 0.7, 2.8)
        width = between(rng, 0.02, 0.05)
        drop = place.floor - mouth - level.value * depth
        fall_s = sqrt(2 * drop / _GRAVITY)
        opens_s = time_s + (_TILT_S if jug else 0.0)
        tilt.hold(time_s - tilt.time_s)
        tilt.ease(_TILT_S, _POURS_AT)
        tilt.hold(length_s)
        tilt.ease(0.4, 0.2)
        runs.append((opens_s, opens_s + length_s, width))
        full = min(0.95, level.value + length_s * width * 5)
        level.hold(opens_s + fall_s - level.time_s)
        level.ease(length_s, full)
        sustains.append(_heard(opens_s + fall_s, length_s, width, place.middle))
        level.hold(0.3)
        if full > 0.75:
            level.ease(0.7, between(rng, 0.05, 0.3))
        time_s = max(level.time_s, tilt.time_s) + silence_s(rng, place, 0.3, 1.5)
    return Pouring(
        paint,
        bool(jug),
        place.middle,
        mouth,
        place.floor,
        half_width,
        depth,
        1 if rng.random() < 0.5 else -1,
        tuple(runs),
        level.track(),
        tilt.track(),
        tuple(sustains),
    )


def _heard(start_s: float, length_s: float, width: float, x: float) -> Sustain:
    loud = min(1.0, 0.35 + 13 * width)
    edge_s = 0.15
    level = swell(start_s, length_s, loud, edge_s=edge_s)
    return Sustain(start_s, length_s, level, steady(0.8 + 8 * width), x)
