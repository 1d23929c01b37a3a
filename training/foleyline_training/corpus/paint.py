"""How materials look: colours and textures on balls and blocks.

Not here: where things are; the table of colours is in `materials`.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from .canvas import Canvas, Colour, box_points, turned
from .materials import Material

_WHITE: Colour = (255, 255, 255)
_PLAIN_TEXTURES = ("grain", "gloss", "speckle", "plush", "plain")
_GRAINS = ((-0.5, 0.0, 0.5), (-0.35, 0.4), (-0.65, -0.2, 0.2, 0.65), (0.1,))
# Fixed places of speckles inside the unit disc: spread by the golden angle.
_SPECKLES = tuple(
    (0.85 * ((k + 0.5) / 9) ** 0.5 * cos(2.4 * k), 0.85 * ((k + 0.5) / 9) ** 0.5 * sin(2.4 * k))
    for k in range(9)
)


@dataclass(frozen=True, slots=True)
class Paint:
    """One thing's colours, RGB 0..255, and the name of its texture; `pattern` varies it."""

    base: Colour
    dark: Colour
    light: Colour
    texture: str
    pattern: int = 0

    def lit(self, amount: float) -> Paint:
        """Return the paint lightened by `amount` 0..1, as just after a hit."""
        if amount < 0.03:
            return self
        return Paint(
            mixed(self.base, _WHITE, amount),
            mixed(self.dark, _WHITE, amount),
            mixed(self.light, _WHITE, amount),
            self.texture,
            self.pattern,
        )


def mixed(a: Colour, b: Colour, amount: float) -> Colour:
    """Return the colour `amount` (0..1) of the way from `a` to `b`."""
    return (
        int(a[0] + (b[0] - a[0]) * amount),
        int(a[1] + (b[1] - a[1]) * amount),
        int(a[2] + (b[2] - a[2]) * amount),
    )


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Return the RGB colour of a hue in degrees, saturation and value 0..1."""
    red, green, blue = colorsys.hsv_to_rgb((hue % 360.0) / 360.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def mix_paint(rng: np.random.Generator, material: Material) -> Paint:
    """Draw a paint from about the material's ranges, now and then of any colour or texture.

    The colours of materials overlap: a red thing need not be a drum. Most can still be told.
    """
    astray = float(rng.choice([0.3, 1.0, 3.0], p=[0.5, 0.35, 0.15]))
    hue = float(rng.uniform(*material.hue)) + astray * float(rng.normal(0, 22))
    saturation = _near(rng, material.saturation, 0.16 * astray, 0.0, 1.0)
    value = _near(rng, material.value, 0.13 * astray, 0.12, 1.0)
    texture = material.texture
    if texture in _PLAIN_TEXTURES and rng.random() < 0.12:
        texture = _PLAIN_TEXTURES[int(rng.integers(len(_PLAIN_TEXTURES)))]
    depth = float(rng.uniform(0.4, 0.75))
    return Paint(
        base=hsv(hue, saturation, value),
        dark=hsv(hue, min(1.0, saturation * 1.15), value * depth),
        light=hsv(hue, saturation * 0.45, min(1.0, value * 1.3 + 0.08)),
        texture=texture,
        pattern=int(rng.integers(1 << 16)),
    )


def _near(
    rng: np.random.Generator, middle: tuple[float, float], spread: float, low: float, high: float
) -> float:
    drawn = float(rng.uniform(*middle)) + float(rng.normal(0, spread))
    return min(high, max(low, drawn))


def paint_ball(
    canvas: Canvas,
    paint: Paint,
    centre: tuple[float, float],
    radius: float,
    angle: float = 0.0,
    squash: float = 0.0,
) -> None:
    """Draw a ball of `radius` stage units, turned by `angle` radians.

    `squash` 0..0.5 flattens it; the caller keeps its lowest point where it should be.
    """
    wide, tall = radius * (1 + squash), radius * (1 - squash)
    x, y = centre
    if paint.texture == "clear":
        canvas.ellipse(centre, wide, tall, paint.base, alpha=0.45)
        canvas.ring(centre, wide * 0.93, tall * 0.93, radius * 0.16, paint.light)
        canvas.ellipse((x - wide * 0.35, y - tall * 0.4), wide * 0.22, tall * 0.16, _WHITE)
        return
    canvas.ellipse(centre, wide, tall, paint.dark)
    canvas.ellipse(centre, wide * 0.88, tall * 0.88, paint.base)
    if paint.texture == "grain":
        for k in _GRAINS[paint.pattern % len(_GRAINS)]:
            reach = 0.84 * (1 - k * k) ** 0.5
            local = np.array([[-reach, k], [reach, k]]) * radius
            ends = turned(local, centre, angle)
            canvas.stroke(
                (ends[0, 0], ends[0, 1]), (ends[1, 0], ends[1, 1]), radius * 0.16, paint.dark
            )
    elif paint.texture == "gloss":
        for size, place, amount in ((0.62, 0.2, 0.35), (0.42, 0.3, 0.65), (0.2, 0.38, 1.0)):
            at = (x - wide * place, y - tall * place)
            canvas.ellipse(at, wide * size, tall * size, mixed(paint.base, _WHITE, amount))
        _mark(canvas, centre, radius, angle, paint.dark)
    elif paint.texture == "speckle":
        _speckles(canvas, paint, centre, wide, tall, angle)
    else:
        canvas.ellipse((x - wide * 0.2, y - tall * 0.25), wide * 0.5, tall * 0.45, paint.light)
        _mark(canvas, centre, radius, angle, paint.dark)


def _mark(
    canvas: Canvas, centre: tuple[float, float], radius: float, angle: float, colour: Colour
) -> None:
    at = (centre[0] + 0.6 * radius * cos(angle + 1), centre[1] + 0.6 * radius * sin(angle + 1))
    canvas.ellipse(at, radius * 0.16, radius * 0.16, colour)


def _speckles(
    canvas: Canvas,
    paint: Paint,
    centre: tuple[float, float],
    wide: float,
    tall: float,
    angle: float,
) -> None:
    fewer = paint.pattern % 4
    spread = np.array(_SPECKLES[: len(_SPECKLES) - fewer]) * (wide * 0.9, tall * 0.9)
    for k, (x, y) in enumerate(turned(spread, centre, angle).tolist()):
        size = 0.13 + 0.05 * (k % 3)
        colour = paint.light if k % 2 else paint.dark
        canvas.ellipse((x, y), wide * size, tall * size, colour)


def paint_block(
    canvas: Canvas,
    paint: Paint,
    centre: tuple[float, float],
    half_width: float,
    half_height: float,
    angle: float = 0.0,
) -> None:
    """Draw a block of the given half sizes in stage units, turned by `angle` radians."""
    texture = paint.texture
    if texture == "shell":
        _drum(canvas, paint, centre, half_width, half_height, angle)
        return
    if texture == "clear":
        corners = turned(box_points(half_width, half_height), centre, angle)
        canvas.polygon(corners, paint.base, alpha=0.45)
        rim = min(half_width, half_height) * 0.1
        inner = turned(box_points(half_width - rim, half_height - rim), centre, angle)
        canvas.outline(inner, 2 * rim, paint.light)
        _stripe(canvas, centre, (-0.5, -0.6), (-0.5, 0.4), half_width, half_height, angle, _WHITE)
        return
    if texture == "plush":
        _cushion(canvas, paint, centre, half_width, half_height, angle)
        return
    canvas.polygon(turned(box_points(half_width, half_height), centre, angle), paint.dark)
    rim = min(half_width, half_height) * 0.14
    canvas.polygon(
        turned(box_points(half_width - rim, half_height - rim), centre, angle), paint.base
    )
    sizes = (half_width, half_height, angle)
    if texture == "grain":
        for k in _GRAINS[paint.pattern % len(_GRAINS)]:
            _stripe(canvas, centre, (-0.85, k), (0.85, k), *sizes, paint.dark)
    elif texture == "gloss":
        for k, amount in ((-0.55, 0.55), (-0.3, 1.0), (0.35, 0.5)):
            _stripe(
                canvas, centre, (k, -0.85), (k, 0.85), *sizes, mixed(paint.base, _WHITE, amount)
            )
    elif texture == "speckle":
        _speckles(canvas, paint, centre, half_width, half_height, angle)
    elif texture == "panel":
        inset = turned(box_points(half_width * 0.62, half_height * 0.66), centre, angle)
        canvas.polygon(inset, paint.light)


def _stripe(
    canvas: Canvas,
    centre: tuple[float, float],
    start: tuple[float, float],
    end: tuple[float, float],
    half_width: float,
    half_height: float,
    angle: float,
    colour: Colour,
) -> None:
    ends = turned(np.array([start, end]) * (half_width, half_height), centre, angle)
    across = half_height if start[1] == end[1] else half_width
    canvas.stroke((ends[0, 0], ends[0, 1]), (ends[1, 0], ends[1, 1]), across * 0.22, colour)


def _cushion(
    canvas: Canvas,
    paint: Paint,
    centre: tuple[float, float],
    half_width: float,
    half_height: float,
    angle: float,
) -> None:
    turns = np.linspace(0, 2 * pi, 33)[:-1]
    c, s = np.cos(turns), np.sin(turns)
    round_box = np.stack([np.sign(c) * np.abs(c) ** 0.5, np.sign(s) * np.abs(s) ** 0.5], axis=1)
    size = np.array([half_width, half_height])
    canvas.polygon(turned(round_box * size, centre, angle), paint.dark)
    canvas.polygon(turned(round_box * (size * 0.9), centre, angle), paint.base)
    canvas.polygon(turned(round_box * (size * 0.5), centre, angle), paint.light)


def _drum(
    canvas: Canvas,
    paint: Paint,
    centre: tuple[float, float],
    half_width: float,
    half_height: float,
    angle: float,
) -> None:
    """A red shell whose pale skin is the thick band along its top edge."""
    size = np.array([half_width, half_height])
    shell = np.array([[-0.94, -1.0], [0.94, -1.0], [0.8, 1.0], [-0.8, 1.0]]) * size
    canvas.polygon(turned(shell, centre, angle), paint.base)
    for k in (-0.5, 0.5):
        _stripe(canvas, centre, (k, -0.5), (k, 0.9), half_width, half_height, angle, paint.dark)
    skin = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, -0.55], [-1.0, -0.55]]) * size
    canvas.polygon(turned(skin, centre, angle), mixed((244, 232, 208), paint.light, 0.15))
    hoop = np.array([[-1.0, -0.55], [1.0, -0.55], [1.0, -0.42], [-1.0, -0.42]]) * size
    canvas.polygon(turned(hoop, centre, angle), (60, 40, 30))
