"""Vessels and panes that fall or are struck and burst into pieces: one impact for each."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from ..canvas import Canvas, Colour, box_points
from ..motion import Impact, Sustain, Track, TrackBuilder
from ..paint import Paint
from .hands import any_skin, draw_tool
from .place import NEUTRAL_DARK, Place, at_place, between
from .rhythm import silence_s
from .shapes import any_vessel, paint_polygon, shard

_FASTEST = 2.2
_PIECES_G = 3.4
_SWEPT_S = 0.35


@dataclass(frozen=True, slots=True)
class Pieces:
    """What is left: outlines, where they start (n, 2), how they fly (n, 2) and turn (n,)."""

    outlines: tuple[NDArray[np.float64], ...]
    starts: NDArray[np.float64]
    speeds: NDArray[np.float64]
    spins: NDArray[np.float64]

    def draw(self, canvas: Canvas, paint: Paint, floor: float, since_s: float) -> None:
        """Draw the pieces `since_s` seconds after the break; on the floor they lie still."""
        for k, outline in enumerate(self.outlines):
            x, y = self.starts[k].tolist()
            along, down = self.speeds[k].tolist()
            drop = max(0.0, floor - 0.012 - y)
            lands_s = (-down + sqrt(down**2 + 2 * _PIECES_G * drop)) / _PIECES_G
            flown_s = min(since_s, lands_s)
            at = (x + along * flown_s, y + down * flown_s + _PIECES_G * flown_s**2 / 2)
            paint_polygon(canvas, paint, outline, at, float(self.spins[k]) * flown_s)


@dataclass(frozen=True, slots=True)
class Breaking:
    """`height` is that of the thing's lowest point above the stand; `hammer` the tool's lift.

    `wholes` holds (appears_s, breaks_s) of each thing; `pieces` what becomes of it. Without
    `hammer` things fall from a thread.
    """

    paint: Paint
    outline: NDArray[np.float64]
    x: float
    floor: float
    stand: float
    height: Track
    hammer: Track | None
    tool: str
    skin: Colour
    side: int
    wholes: tuple[tuple[float, float, float], ...]
    pieces: tuple[Pieces, ...]
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the stand, the whole thing or its pieces, and the tool."""
        top = self.floor - self.stand
        if self.stand > 0:
            middle = (self.x, (top + self.floor) / 2)
            canvas.polygon(box_points(0.16, self.stand / 2) + middle, NEUTRAL_DARK)
        at = max(0, bisect_right(self.wholes, (time_s, 9e9, 0.0)) - 1)
        appears_s, breaks_s, hangs_s = self.wholes[at]
        if time_s < breaks_s:
            y = top - self.height.value(time_s) - float(self.outline[:, 1].max())
            if self.hammer is None and time_s < hangs_s:
                tip = y + float(self.outline[:, 1].min()) + 0.01
                canvas.stroke((self.x, -3.0), (self.x, tip), 0.018, NEUTRAL_DARK)
            if time_s >= appears_s:
                paint_polygon(canvas, self.paint, self.outline, (self.x, y), 0.0)
        before = at if time_s >= breaks_s else at - 1
        if before >= 0 and (before == at or time_s < appears_s + _SWEPT_S):
            since_s = time_s - self.wholes[before][1]
            self.pieces[before].draw(canvas, self.paint, self.floor, since_s)
        if self.hammer is not None:
            self._draw_hammer(canvas, self.hammer.value(time_s))

    def _draw_hammer(self, canvas: Canvas, lift: float) -> None:
        """The tool swings sideways: at lift 0 its head touches the thing's side."""
        head, reach = 0.055, 0.34
        tall = float(np.ptp(self.outline[:, 1]))
        # The width where it is struck, at two thirds of its height.
        level = float(self.outline[:, 1].max()) - tall * 0.5
        right = self.outline[self.outline[:, 0] > 0]
        order = np.argsort(right[:, 1])
        wide = float(np.interp(level, right[order, 1], right[order, 0]))
        y = self.floor - self.stand - tall * 0.5
        touch = self.x + self.side * (wide + head)
        pivot = (touch, y - reach)
        end = (pivot[0] + self.side * reach * np.sin(lift), pivot[1] + reach * np.cos(lift))
        draw_tool(canvas, self.tool, pivot, (float(end[0]), float(end[1])), head, self.skin)


def make_breaking(rng: np.random.Generator, place: Place, paint: Paint) -> Breaking:
    """Invent things to break in `place`, and how they do."""
    size = between(rng, 0.15, 0.24)
    pane = rng.random() < 0.25
    outline = box_points(0.28, 1.0) if pane else any_vessel(rng)
    outline = outline * size
    strikes = pane or rng.random() < 0.4
    stand = between(rng, 0.08, 0.25) if strikes or rng.random() < 0.2 else 0.0
    highest = place.floor - stand - float(np.ptp(outline[:, 1]))
    height = TrackBuilder(0.0 if strikes else highest * between(rng, 0.5, 0.9))
    hammer = TrackBuilder(between(rng, 0.4, 0.9)) if strikes else None
    wholes = _breaks(rng, place, height, hammer, highest)
    middle = (place.middle, place.floor - stand - size)
    return Breaking(
        paint,
        outline,
        place.middle,
        place.floor,
        stand,
        height.track(),
        hammer.track() if hammer else None,
        ("hammer", "mallet", "fist")[int(rng.integers(3))],
        any_skin(rng),
        1 if rng.random() < 0.5 else -1,
        tuple(wholes),
        tuple(_pieces(rng, middle, size, strength) for _, strength in height.impacts),
        at_place(height.impacts, place.middle),
    )


def _breaks(
    rng: np.random.Generator,
    place: Place,
    height: TrackBuilder,
    hammer: TrackBuilder | None,
    highest: float,
) -> list[tuple[float, float, float]]:
    """Build one break after another; return when each thing appears, breaks, and is let go."""
    found: list[tuple[float, float, float]] = []
    gravity = between(rng, 2.4, 4.5)
    appears_s, wait_s = -1.0, place.wait_s(rng, 0.2, 1.6)
    while height.time_s <= place.duration_s:
        if hammer:
            hangs_s = _struck(rng, hammer, appears_s, max(0.3, wait_s))
            height.hold(hangs_s - height.time_s)
            height.impact(hammer.impacts[-1][1])
        else:
            height.hold(wait_s)
            hangs_s = height.time_s
            fall_s = sqrt(2 * height.value / gravity)
            height.throw(fall_s, 0.0, -gravity, 0.0)
            height.impact(gravity * fall_s / _FASTEST)
        found.append((appears_s, height.time_s, hangs_s))
        height.hold(max(0.8, silence_s(rng, place, 0.7, 1.6)))
        appears_s, wait_s = height.time_s, place.wait_s(rng, 0.5, 1.2)
        if not hammer:
            height.value = highest + 0.6
            lower_s = max(0.4, place.wait_s(rng, 0.5, 0.9))
            height.ease(lower_s, highest * between(rng, 0.5, 0.9))
    return found


def _struck(
    rng: np.random.Generator, hammer: TrackBuilder, appears_s: float, wait_s: float
) -> float:
    """Swing back and strike `wait_s` seconds after the thing appeared; return when."""
    hammer.hold(appears_s - hammer.time_s)
    force = between(rng, 0.4, 1.0)
    strike_s = min(0.5 * wait_s, 0.2 - 0.08 * force)
    hammer.ease(wait_s * 0.45, 0.5 + 0.7 * force)
    hammer.hold(wait_s - wait_s * 0.45 - strike_s)
    hammer.speed_up(strike_s, 0.0)
    hammer.impact(0.3 + 0.7 * force)
    touched_s = hammer.time_s
    hammer.slow_down(0.35, between(rng, 0.3, 0.6))
    return touched_s


def _pieces(
    rng: np.random.Generator, middle: tuple[float, float], size: float, strength: float
) -> Pieces:
    count = int(rng.integers(7, 13))
    starts = rng.uniform(-0.6, 0.6, (count, 2)) * (size * 0.7, size) + middle
    speeds = rng.uniform((-0.9, -1.2), (0.9, 0.1), (count, 2)) * (0.4 + 0.6 * strength)
    outlines = tuple(shard(rng) * (size * between(rng, 0.25, 0.5)) for _ in range(count))
    return Pieces(outlines, starts, speeds, rng.uniform(-2 * pi, 2 * pi, count))
