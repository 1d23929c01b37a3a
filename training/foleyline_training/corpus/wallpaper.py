"""Patterns of walls and floors.

Every pattern is painted out to `reach` stage units from the middle, further than any camera sees.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sin

import numpy as np

from .brush import Colour, blended
from .camera import STAGE_WIDTH
from .canvas import Canvas, box_at

_Pattern = Callable[[Canvas, np.random.Generator, float, float, Colour, float], None]
_MIDDLE = STAGE_WIDTH / 2


def paint_wall(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    """Paint wall pattern `name` (of `WALLS` or `UNSEEN_WALLS`) above `horizon`."""
    pattern = _PATTERNS.get(name)
    if pattern is not None:
        pattern(canvas, rng, pitch, horizon, accent, reach)


def paint_floor(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    pitch: float,
    horizon: float,
    ground: Colour,
    reach: float,
) -> None:
    """Paint a floor of colour `ground` below `horizon` with pattern `name` of `FLOORS`."""
    canvas.polygon(box_at(_MIDDLE, horizon + reach / 2, reach, reach / 2), ground)
    line = blended(ground, (0, 0, 0), float(rng.uniform(0.2, 0.5)))
    if rng.random() < 0.3:
        line = blended(ground, (255, 255, 255), float(rng.uniform(0.15, 0.4)))
    if name in ("boards", "tiles"):
        vanish = _MIDDLE + float(rng.uniform(-0.8, 0.8))
        for x in np.arange(_MIDDLE - 2 * reach, _MIDDLE + 2 * reach, pitch).tolist():
            end = x + (x - vanish) * reach * 1.6
            canvas.stroke((x, horizon), (end, horizon + reach), 0.014, line)
    if name in ("tiles", "bands"):
        depth, step = horizon + 0.03, 0.05
        while depth < horizon + reach:
            canvas.stroke((_MIDDLE - reach, depth), (_MIDDLE + reach, depth), 0.25 * step, line)
            step *= 1.35
            depth += step
    if name == "gravel":
        for _ in range(160):
            x, deep = float(rng.uniform(-1, 1)) * reach, float(rng.uniform(0, 1)) ** 2
            size = 0.008 + 0.04 * deep
            place = (_MIDDLE + x, horizon + 0.01 + deep * 0.7)
            canvas.ellipse(place, size * 1.6, size, blended(ground, line, float(rng.random())))
    if rng.random() < 0.7:
        edge = blended(ground, (0, 0, 0), 0.45)
        ends = ((_MIDDLE - reach, horizon + 0.008), (_MIDDLE + reach, horizon + 0.008))
        canvas.stroke(*ends, 0.016, edge)


def _columns(reach: float, pitch: float) -> list[float]:
    return np.arange(_MIDDLE - reach, _MIDDLE + reach, pitch).tolist()


def _rows(horizon: float, reach: float, pitch: float) -> list[float]:
    return np.arange(horizon, -reach / 2, -pitch).tolist()


def _stripes(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    share = float(rng.choice([0.08, 0.5]))
    slant = float(rng.choice([0.0, 0.0, 0.5]))
    for x in _columns(reach * 1.3, pitch):
        top = (x + slant * reach, -reach / 2)
        canvas.stroke(top, (x, horizon), pitch * share, accent)


def _boards(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    width = float(rng.uniform(0.1, 0.4)) * pitch
    for y in _rows(horizon, reach, pitch):
        canvas.stroke((_MIDDLE - reach, y), (_MIDDLE + reach, y), width, accent)


def _tiles(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    width = 0.012 * float(rng.uniform(0.8, 2.0))
    for x in _columns(reach, pitch):
        canvas.stroke((x, -reach / 2), (x, horizon), width, accent)
    for y in _rows(horizon, reach, pitch):
        canvas.stroke((_MIDDLE - reach, y), (_MIDDLE + reach, y), width, accent)


def _checkers(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    del rng
    for row, y in enumerate(_rows(horizon, reach, pitch)):
        for column, x in enumerate(_columns(reach, pitch)):
            if (row + column) % 2:
                canvas.polygon(box_at(x, y - pitch / 2, pitch / 2, pitch / 2), accent)


def _bricks(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    tall = pitch * 0.45
    for row, y in enumerate(_rows(horizon, reach, tall)):
        for x in _columns(reach, pitch):
            middle = (x + (row % 2) * pitch / 2, y - tall / 2)
            colour = blended(accent, (0, 0, 0), float(rng.uniform(0, 0.25)))
            canvas.polygon(box_at(*middle, pitch * 0.46, tall * 0.42), colour)


def _foliage(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    other = blended(accent, (0, 0, 0), 0.45)
    light = blended(accent, (255, 255, 220), 0.3)
    for _ in range(200):
        x, y = float(rng.uniform(-1, 1)) * reach, horizon - abs(float(rng.normal(0, 0.3)))
        size = pitch * float(rng.uniform(0.1, 0.45))
        colour = (accent, other, light)[int(rng.integers(3))]
        canvas.ellipse((_MIDDLE + x, y), size, size * float(rng.uniform(0.5, 1.3)), colour)


def _windows(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    lit, dark = (246, 222, 150), blended(accent, (10, 14, 30), 0.75)
    sky = blended(accent, (170, 210, 250), 0.8)
    panes = (dark, dark, sky) if rng.random() < 0.5 else (dark, dark, lit)
    wide, tall = pitch * 0.32, pitch * float(rng.uniform(0.3, 0.6))
    for y in _rows(horizon - 0.08, reach, tall * 2 + 0.12):
        for x in _columns(reach, pitch * 1.3):
            middle = (x, y - tall)
            canvas.polygon(box_at(*middle, wide + 0.016, tall + 0.016), accent)
            canvas.polygon(box_at(*middle, wide, tall), panes[int(rng.integers(3))])
            canvas.stroke((x, y), (x, y - 2 * tall), 0.014, accent)


def _city(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    """Blocks of uneven height: houses, shelves or hills of boxes."""
    for x in _columns(reach, pitch):
        wide, tall = pitch * float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.05, 0.45))
        colour = blended(accent, (0, 0, 0), float(rng.uniform(0, 0.5)))
        canvas.polygon(box_at(x, horizon - tall / 2, wide, tall / 2), colour)


def _bokeh(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    for _ in range(70):
        size = pitch * float(rng.uniform(0.08, 0.4))
        place = (
            _MIDDLE + float(rng.uniform(-1, 1)) * reach,
            horizon - float(rng.uniform(0, 0.6 * reach)),
        )
        glow = blended(accent, (255, 240, 210), float(rng.uniform(0, 0.9)))
        canvas.ellipse(place, size, size, glow, float(rng.uniform(0.25, 0.8)))


def _waves(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    phase = float(rng.uniform(0, 6))
    xs = np.array(_columns(reach, 0.05))
    for y in _rows(horizon - 0.05, reach, pitch * 0.8):
        line = y + 0.25 * pitch * np.sin(9 * xs + phase + sin(7 * y) * 2)
        top = np.stack([xs, line], axis=1)
        low = np.stack([xs, line + 0.12 * pitch], axis=1)[::-1]
        canvas.polygon(np.vstack([top, low]), accent)


def _dots(
    canvas: Canvas,
    rng: np.random.Generator,
    pitch: float,
    horizon: float,
    accent: Colour,
    reach: float,
) -> None:
    size = pitch * float(rng.uniform(0.15, 0.32))
    for row, y in enumerate(_rows(horizon, reach, pitch * 0.8)):
        for x in _columns(reach, pitch):
            canvas.ellipse((x + (row % 2) * pitch / 2, y - pitch / 2), size, size, accent)


_PATTERNS: dict[str, _Pattern] = {
    "stripes": _stripes,
    "boards": _boards,
    "tiles": _tiles,
    "checkers": _checkers,
    "bricks": _bricks,
    "foliage": _foliage,
    "windows": _windows,
    "city": _city,
    "bokeh": _bokeh,
    "waves": _waves,
    "dots": _dots,
}
UNSEEN_WALLS: tuple[str, ...] = ("waves", "dots", "plain")
WALLS: tuple[str, ...] = (
    "plain",
    "plain",
    "plain",
    "blotches",
    *(name for name in _PATTERNS if name not in UNSEEN_WALLS),
)
FLOORS: tuple[str, ...] = ("plain", "plain", "boards", "tiles", "bands", "gravel")
