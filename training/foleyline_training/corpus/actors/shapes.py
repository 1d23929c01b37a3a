"""Polygons that stand for stones, bottles, vases and their pieces; all fit a circle of radius 1.

Not here: their colours (`paint`).
"""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from ..canvas import Canvas, turned
from ..paint import Paint
from .place import between

_PROFILES: dict[str, tuple[tuple[float, float], ...]] = {
    "bottle": ((0.14, -1.0), (0.14, -0.45), (0.36, -0.15), (0.36, 0.93)),
    "vase": ((0.3, -0.95), (0.2, -0.65), (0.5, -0.05), (0.48, 0.35), (0.25, 0.95)),
    "glass": ((0.5, -0.85), (0.38, 0.85)),
    "jar": ((0.4, -0.8), (0.55, -0.6), (0.55, 0.8)),
    "plate": ((0.97, -0.2), (0.5, 0.2)),
}
VESSELS = tuple(_PROFILES)
"""Names of vessels that `vessel` knows."""


def vessel(name: str) -> NDArray[np.float64]:
    """Return the outline (n, 2) of a vessel seen from its side, upright."""
    right = np.array(_PROFILES[name])
    return np.vstack([right, right[::-1] * (-1.0, 1.0)])


def pebble(rng: np.random.Generator, corners: int) -> NDArray[np.float64]:
    """Return a convex polygon (corners, 2) with its corners on the circle, unevenly."""
    turns = (np.arange(corners) + rng.uniform(-0.25, 0.25, corners)) * (2 * pi / corners)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


def shard(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a sharp three- or four-sided piece."""
    count = int(rng.integers(3, 5))
    turns = np.sort(rng.uniform(0, 2 * pi, count))
    return np.stack([np.cos(turns), np.sin(turns)], axis=1) * rng.uniform(0.5, 1.0, (count, 1))


def lowest(points: NDArray[np.float64], angle: float) -> float:
    """Return how far below its centre the polygon reaches when turned by `angle`."""
    return float((points[:, 0] * sin(angle) + points[:, 1] * cos(angle)).max())


def paint_polygon(
    canvas: Canvas,
    paint: Paint,
    points: NDArray[np.float64],
    centre: tuple[float, float],
    angle: float,
) -> None:
    """Draw a polygon about `centre` with a rim, a lit part and, if clear, see-through."""
    if paint.texture == "clear":
        canvas.polygon(turned(points, centre, angle), paint.dark, 0.8)
        canvas.polygon(turned(points * 0.82, centre, angle), paint.base, 0.75)
        canvas.polygon(turned(points * 0.35, centre, angle), paint.light)
        return
    canvas.polygon(turned(points, centre, angle), paint.dark)
    canvas.polygon(turned(points * 0.84, centre, angle), paint.base)
    canvas.polygon(turned(points * 0.4, centre, angle), paint.light)


def any_vessel(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return one of the vessels' outlines, a little wider or narrower."""
    outline = vessel(VESSELS[int(rng.integers(len(VESSELS)))])
    return outline * (between(rng, 0.85, 1.15), 1.0)
