"""Hands, fingers and tools in a hand.

Not here: when they move.
"""

from __future__ import annotations

from math import atan2, cos, sin

import numpy as np

from ..canvas import Canvas, Colour, box_points, turned
from ..paint import mixed
from .place import NEUTRAL_DARK

SKINS: tuple[Colour, ...] = ((236, 196, 166), (222, 178, 146), (176, 124, 92), (116, 78, 58))
"""Colours of hands."""

TOOLS = ("mallet", "hammer", "stick", "fist")
"""Kinds of things that strike, as `draw_tool` knows them."""

_HEADS: tuple[Colour, ...] = ((214, 206, 190), (96, 98, 106), (176, 138, 92))
_SLEEVE: Colour = (70, 84, 122)

Point = tuple[float, float]


def draw_finger(canvas: Canvas, tip: Point, length: float, width: float, skin: Colour) -> None:
    """Draw a finger that points down at `tip`, with its nail."""
    x, y = tip
    dark = mixed(skin, (40, 20, 10), 0.3)
    canvas.stroke((x, y - width * 0.4), (x, y - length), width * 1.16, dark)
    canvas.stroke((x, y - width * 0.4), (x, y - length), width, skin)
    canvas.ellipse((x, y - width * 0.5), width / 2, width / 2, skin)
    canvas.ellipse(
        (x, y - width * 0.65), width * 0.28, width * 0.33, mixed(skin, (255, 255, 255), 0.5)
    )


def draw_hand(canvas: Canvas, at: Point, size: float, angle: float, skin: Colour) -> None:
    """Draw a closed hand at `at` with its sleeve towards `angle` (radians, 0 right, down > 0)."""
    away = (at[0] + cos(angle) * size * 4, at[1] + sin(angle) * size * 4)
    wrist = (at[0] + cos(angle) * size * 1.6, at[1] + sin(angle) * size * 1.6)
    canvas.stroke(at, wrist, size * 1.1, skin)
    canvas.stroke(wrist, away, size * 1.5, _SLEEVE)
    canvas.ellipse(at, size, size * 0.9, skin)
    for k in (-0.5, 0.0, 0.5):
        start = (at[0] + k * size, at[1] - size * 0.2)
        canvas.stroke(
            start, (start[0], at[1] + size * 0.6), size * 0.12, mixed(skin, (40, 20, 10), 0.35)
        )


def draw_tool(
    canvas: Canvas, kind: str, pivot: Point, end: Point, head: float, skin: Colour
) -> None:
    """Draw a tool held at `pivot`; its head of radius `head` has its centre at `end`."""
    angle = atan2(end[1] - pivot[1], end[0] - pivot[0])
    if kind == "fist":
        canvas.stroke(pivot, end, head * 1.5, _SLEEVE)
        inner = (end[0] - cos(angle) * head * 1.4, end[1] - sin(angle) * head * 1.4)
        canvas.stroke(inner, end, head * 1.1, skin)
        canvas.ellipse(end, head, head, mixed(skin, (40, 20, 10), 0.25))
        canvas.ellipse(end, head * 0.85, head * 0.85, skin)
        return
    canvas.stroke(pivot, end, 0.026, NEUTRAL_DARK)
    if kind == "hammer":
        canvas.polygon(turned(box_points(head * 0.8, head), end, angle), NEUTRAL_DARK)
        canvas.polygon(turned(box_points(head * 0.6, head * 0.75), end, angle), _HEADS[1])
    elif kind == "stick":
        tip = (end[0] + cos(angle) * head, end[1] + sin(angle) * head)
        canvas.stroke(pivot, tip, head * 0.6, NEUTRAL_DARK)
        canvas.stroke(pivot, end, head * 0.4, _HEADS[2])
        canvas.ellipse(end, head, head, _HEADS[2])
    else:
        canvas.ellipse(end, head, head, NEUTRAL_DARK)
        canvas.ellipse(end, head * 0.75, head * 0.75, _HEADS[0])


def any_skin(rng: np.random.Generator) -> Colour:
    """Draw a hand's colour."""
    return SKINS[int(rng.integers(len(SKINS)))]
