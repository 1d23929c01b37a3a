"""Drops that fall from a tap into a basin of water."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import exp, sin, sqrt

import numpy as np

from ..canvas import Canvas
from ..motion import Impact, Sustain
from ..paint import Paint
from .place import NEUTRAL_DARK, Place, between

_SPLASH_S = 0.5
_HANG_S = 0.22


@dataclass(frozen=True, slots=True)
class Splashing:
    """A drop of `radius` lets go at each `releases[k]` seconds and touches the water at impact k.

    `tap` and `surface` are heights on the stage (y), in stage units.
    """

    paint: Paint
    x: float
    tap: float
    surface: float
    floor: float
    half_width: float
    radius: float
    gravity: float
    releases: tuple[float, ...]
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the tap, the drop on its way, the water and the splash."""
        canvas.stroke((self.x, -3.0), (self.x, self.tap), 0.09, NEUTRAL_DARK)
        self._drop(canvas, time_s)
        self._water(canvas, time_s)
        latest = bisect_right(self.impacts, time_s, key=lambda impact: impact.time_s) - 1
        if latest >= 0:
            self._splash(canvas, self.impacts[latest], time_s)

    def _drop(self, canvas: Canvas, time_s: float) -> None:
        at = bisect_right(self.releases, time_s + _HANG_S) - 1
        if at < 0 or time_s > self.impacts[at].time_s + 0.12:
            return
        since_s = time_s - self.releases[at]
        size = self.radius
        if since_s < 0:
            size *= 1 + since_s / _HANG_S
            bottom = self.tap + 2 * size
        else:
            bottom = self.tap + 2 * size + self.gravity * since_s**2 / 2
        if size < 0.01:
            return
        centre = (self.x, bottom - size)
        tip = np.array([[-0.8, -0.55], [0.8, -0.55], [0.0, -1.7 if since_s > 0 else -1.0]])
        canvas.polygon(tip * size + centre, self.paint.base)
        canvas.ellipse(centre, size, size, self.paint.base)
        canvas.ellipse((centre[0] - size * 0.3, centre[1]), size * 0.3, size * 0.4, (240, 248, 255))

    def _water(self, canvas: Canvas, time_s: float) -> None:
        steps = np.linspace(-1.0, 1.0, 17)
        wave = np.zeros_like(steps)
        for impact in self.impacts:
            since_s = time_s - impact.time_s
            if 0.0 <= since_s < 1.2:
                away = np.abs(steps) * self.half_width
                wave += (
                    0.03 * impact.strength * exp(-since_s / 0.3) * np.sin(28 * away - 17 * since_s)
                )
        xs = self.x + steps * self.half_width
        tops = np.stack([xs, self.surface + wave], axis=1)
        ends = np.array([[xs[-1], self.floor], [xs[0], self.floor]])
        canvas.polygon(np.vstack([tops, ends]), self.paint.base)
        shine = np.vstack([tops, (tops + np.array([0.0, 0.03]))[::-1]])
        canvas.polygon(shine, self.paint.light)
        for side in (-1, 1):
            x = self.x + side * (self.half_width + 0.012)
            canvas.stroke((x, self.surface - 0.05), (x, self.floor), 0.03, NEUTRAL_DARK)

    def _splash(self, canvas: Canvas, impact: Impact, time_s: float) -> None:
        since_s = time_s - impact.time_s
        if since_s > _SPLASH_S:
            return
        size = 0.5 + 0.7 * impact.strength
        for k, way in enumerate((-1.0, -0.55, 0.55, 1.0)):
            rise = (1.25 - 0.25 * abs(way)) * size * (1 + 0.1 * sin(7 * impact.time_s + k))
            y = self.surface - rise * since_s + 2.6 * since_s**2
            if y < self.surface + 0.02:
                x = impact.x + way * 0.42 * size * since_s + 0.04 * way
                canvas.ellipse((x, y), 0.03 * size, 0.03 * size, self.paint.light)
        jet = size * max(0.0, sin(6.0 * since_s)) * 0.16
        if jet > 0.01:
            crown = np.array([[-0.09, 0.0], [-0.07, -1.0], [0.0, -0.35], [0.07, -1.0], [0.09, 0.0]])
            canvas.polygon(
                crown * (size, jet) + (impact.x, self.surface + 0.01), self.paint.light, 0.9
            )


def make_splashing(rng: np.random.Generator, place: Place, paint: Paint) -> Splashing:
    """Invent a tap and a basin in `place`."""
    half_width = min(place.width / 2 - 0.04, between(rng, 0.2, 0.34))
    surface = place.floor - between(rng, 0.17, 0.28)
    tap = between(rng, 0.08, 0.22)
    radius = between(rng, 0.065, 0.09)
    gravity = between(rng, 2.4, 4.5)
    fall_s = sqrt(2 * (surface - tap - 2 * radius) / gravity)
    beat_s = max(0.4, between(rng, 0.45, 1.15) / place.pace)
    jitter = 0.0 if rng.random() < 0.4 else between(rng, 0.1, 0.5)
    release_s = max(place.wait_s(rng, 0.1, 1.0) - fall_s, -0.9 * fall_s)
    releases: list[float] = []
    impacts: list[Impact] = []
    base = gravity * fall_s / 2.4
    while release_s < place.duration_s:
        releases.append(release_s)
        strength = min(1.0, base)
        impacts.append(Impact(release_s + fall_s, strength, place.middle))
        gap_s = beat_s * (1 + jitter * between(rng, -1, 1))
        if rng.random() < 0.15:
            gap_s += place.wait_s(rng, 0.3, 1.2)
        release_s += max(gap_s, fall_s + 0.15)
    return Splashing(
        paint,
        place.middle,
        tap,
        surface,
        place.floor,
        half_width,
        radius,
        gravity,
        tuple(releases),
        tuple(impacts),
    )
