"""How a shape's inside and edge are put on the picture: flat, banded, textured, inked, wobbly.

A brush knows pixels only; where shapes are is the canvas's business, and which brush a scene has
is the look's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
SHIFT = 4
"""Fixed-point bits of coordinates in pixels."""

NEUTRAL_DARK: Colour = (52, 48, 56)
"""Colour of handles, posts and rods: of no material; a brush draws its own `neutral` for it."""

_THIN = 0.05
_TILE = 256
_SMALLEST_SHAPED_PX = 6
_WOBBLES = 128


@dataclass(frozen=True, slots=True)
class Brush:
    """A way of drawing shapes.

    Colours go `tone_amount` of the way to `tone`; insides have `opacity`, lightened in bands
    towards the light by `bands`, and grain of strength `texture`; edges are drawn `ink_width`
    stage units wide in `ink`, or in the shape's own colour where `own_ink`, off by up to `wobble`
    stage units, redrawn 8 times a second. `light` is the direction to the light (x, y).
    """

    neutral: Colour = NEUTRAL_DARK
    tone: Colour = (0, 0, 0)
    tone_amount: float = 0.0
    opacity: float = 1.0
    bands: float = 0.0
    texture: float = 0.0
    ink: Colour = (0, 0, 0)
    ink_width: float = 0.0
    own_ink: bool = False
    wobble: float = 0.0
    light: tuple[float, float] = (-0.6, -0.8)
    seed: int = 0

    def line_colour(self, colour: Colour) -> Colour:
        """Return what a line of `colour` is drawn in."""
        if self.own_ink:
            return _bright(colour)
        return blended(colour, self.tone, self.tone_amount)

    def fill(
        self,
        image: NDArray[np.uint8],
        points: NDArray[np.int32],
        colour: Colour,
        alpha: float,
        unit_px: float,
        time_s: float,
    ) -> None:
        """Fill `points` (n, 2), in fixed-point pixels, in place; a stage unit has `unit_px`."""
        if colour == NEUTRAL_DARK:
            colour = self.neutral
        inked = self.ink_width > 0 and alpha > 0.4
        if inked and _thickness(points) < _THIN * unit_px:
            # A line with lines about it would be a blot.
            thin = _bright(colour) if self.own_ink else blended(colour, self.ink, 0.5)
            cv2.fillPoly(image, [points], thin, cv2.LINE_AA, SHIFT)
            return
        toned = blended(colour, self.tone, self.tone_amount)
        shaped = (self.bands > 0 or self.texture > 0) and alpha >= 1.0 and _large(points)
        if shaped:
            self._shaped(image, points, toned)
        elif alpha * self.opacity >= 1.0:
            cv2.fillPoly(image, [points], toned, cv2.LINE_AA, SHIFT)
        else:
            _glaze(image, points, toned, alpha * self.opacity)
        if inked:
            self._edge(image, points, colour, unit_px, time_s)

    def _edge(
        self,
        image: NDArray[np.uint8],
        points: NDArray[np.int32],
        colour: Colour,
        unit_px: float,
        time_s: float,
    ) -> None:
        thickness = max(1, round(self.ink_width * unit_px))
        ink = _bright(colour) if self.own_ink else self.ink
        if self.wobble > 0:
            table = _wobbles(self.seed)
            start = int(time_s * 8) * 17 + len(points)
            picked = table[(start + np.arange(len(points))) % _WOBBLES]
            shaken = picked * (self.wobble * unit_px * (1 << SHIFT))
            points = (points + np.rint(shaken)).astype(np.int32)
        cv2.polylines(image, [points], True, ink, thickness, cv2.LINE_AA, SHIFT)

    def _shaped(self, image: NDArray[np.uint8], points: NDArray[np.int32], colour: Colour) -> None:
        """Fill with light from one side and with grain that moves with the shape."""
        found = _region(image, points)
        if found is None:
            return
        left, top, right, bottom = found
        under = image[top:bottom, left:right]
        corner = np.array([left << SHIFT, top << SHIFT], dtype=np.int32)
        mask = np.zeros(under.shape[:2], dtype=np.uint8)
        cv2.fillPoly(mask, [points - corner], 255, cv2.LINE_8, SHIFT)
        tile = _grained(self.seed, self.light, self.bands, self.texture)
        # The tile is laid over the shape's own box, so that its light and grain move along.
        x, y, across, down = cv2.boundingRect(points)
        one = 1 << SHIFT
        step_x, step_y = _TILE * one / max(across, one), _TILE * one / max(down, one)
        place = np.array(
            [[step_x, 0, (left - x / one) * step_x], [0, step_y, (top - y / one) * step_y]]
        )
        size = (right - left, bottom - top)
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        laid = cv2.warpAffine(tile, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        cv2.copyTo(cv2.LUT(cv2.merge([laid] * 3), _ramp(colour)), mask, under)


def blended(a: Colour, b: Colour, amount: float) -> Colour:
    """Return the colour `amount` (0..1) of the way from `a` to `b`."""
    if amount <= 0:
        return a
    return (
        int(a[0] + (b[0] - a[0]) * amount),
        int(a[1] + (b[1] - a[1]) * amount),
        int(a[2] + (b[2] - a[2]) * amount),
    )


def _bright(colour: Colour) -> Colour:
    """Return the colour at full value and a little more saturated, as of a glowing tube."""
    most, least = max(colour), min(colour)
    if most - least < 12:
        return (225, 225, 235)
    red, green, blue = (round(255 * (c - 0.7 * least) / (most - 0.7 * least)) for c in colour)
    return red, green, blue


def _thickness(points: NDArray[np.int32]) -> float:
    """Return about how thick a shape is, in pixels."""
    around = cv2.arcLength(points, True)
    return 0.0 if around <= 0 else 2 * cv2.contourArea(points) / around / (1 << SHIFT)


def _large(points: NDArray[np.int32]) -> bool:
    """Return whether a shape is large enough for its light and grain to be seen."""
    across, down = cv2.boundingRect(points)[2:]
    return min(across, down) > _SMALLEST_SHAPED_PX << SHIFT


def _region(
    image: NDArray[np.uint8], points: NDArray[np.int32]
) -> tuple[int, int, int, int] | None:
    """Return the box of pixels (left, top, right, bottom) a shape covers, None where none."""
    height, width = image.shape[:2]
    x, y, across, down = cv2.boundingRect(points)
    left, top = max(0, (x >> SHIFT) - 2), max(0, (y >> SHIFT) - 2)
    right = min(width, ((x + across) >> SHIFT) + 3)
    bottom = min(height, ((y + down) >> SHIFT) + 3)
    return None if right <= left or bottom <= top else (left, top, right, bottom)


def _glaze(
    image: NDArray[np.uint8], points: NDArray[np.int32], colour: Colour, alpha: float
) -> None:
    """Fill half transparently."""
    found = _region(image, points)
    if found is None:
        return
    left, top, right, bottom = found
    under = image[top:bottom, left:right]
    over = under.copy()
    moved = points - np.array([left << SHIFT, top << SHIFT], dtype=np.int32)
    cv2.fillPoly(over, [moved], colour, cv2.LINE_AA, SHIFT)
    image[top:bottom, left:right] = cv2.addWeighted(over, alpha, under, 1 - alpha, 0.0)


@lru_cache(maxsize=256)
def _ramp(colour: Colour) -> NDArray[np.uint8]:
    """Return the table (256, 1, 3) from a gain, 128 for 1, to the colour in that light."""
    level = np.arange(256)[:, None, None] * np.array(colour) / 128
    return np.clip(np.rint(level), 0, 255).astype(np.uint8)


@lru_cache(maxsize=8)
def _wobbles(seed: int) -> NDArray[np.float64]:
    return np.random.Generator(np.random.PCG64(seed)).uniform(-1, 1, (_WOBBLES, 2))


@lru_cache(maxsize=8)
def _grained(
    seed: int, light: tuple[float, float], bands: float, texture: float
) -> NDArray[np.uint8]:
    """Return a gain tile (256, 256), 128 for 1: light from one side, and grain."""
    rng = np.random.Generator(np.random.PCG64(seed))
    steps = np.linspace(-1, 1, _TILE, dtype=np.float32)
    towards = (light[0] * steps[None, :] + light[1] * steps[:, None]) / 1.4
    rough = rng.standard_normal((24, 24), dtype=np.float32)
    fine = rng.standard_normal((_TILE // 4, _TILE // 4), dtype=np.float32)
    size = (_TILE, _TILE)
    grain = cv2.resize(rough, size) + 0.6 * cv2.resize(fine, size)
    gain = 1 + 0.55 * bands * towards + 0.2 * texture * grain
    return np.clip(gain * 128, 20, 255).astype(np.uint8)


PLAIN = Brush()
"""Flat colours, no edges."""
