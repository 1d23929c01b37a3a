"""Colour grading and picture-wide styles: what happens to a whole picture after it is drawn.

Not here: what is drawn (`paint`), defects of a single picture (`sensor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .brush import Colour

Triple = tuple[float, float, float]

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
_SMALLEST_CELLS = 12


@dataclass(frozen=True, slots=True)
class Grade:
    """How colours come out.

    `saturation` 0 black and white to 1.6, `hue_turn` radians, `gains` of red, green and blue,
    `lift` 0..0.3 of the darkest, `gamma`, `contrast` about the middle, `levels` of brightness
    (0: all), `inverted`, `vignette` 0..0.8 darkening of the corners, `blur` standard deviation as
    a share of the height, `cells` across the height (0: none), and an `effect`: "" or one of
    "thermal", "woodcut", "glow".
    """

    saturation: float = 1.0
    hue_turn: float = 0.0
    gains: Triple = (1.0, 1.0, 1.0)
    lift: float = 0.0
    gamma: float = 1.0
    contrast: float = 1.0
    levels: int = 0
    inverted: bool = False
    vignette: float = 0.0
    blur: float = 0.0
    cells: int = 0
    bars: float = 0.0
    effect: str = ""
    palette: int = cv2.COLORMAP_INFERNO
    ink: Colour = (20, 16, 14)
    paper: Colour = (236, 228, 208)
    pitch: float = 0.05


TRUE_COLOURS = Grade()
"""Nothing changed."""


def graded(image: NDArray[np.uint8], grade: Grade) -> NDArray[np.uint8]:
    """Return RGB uint8 (height, width, 3) graded; the input may be changed."""
    height, width = image.shape[:2]
    if grade.effect == "glow":
        halo = cv2.GaussianBlur(image, (0, 0), 0.03 * height)
        image = _bytes(cv2.addWeighted(image, 1.0, halo, 1.1, 0.0))
    if grade.blur * height > 0.25:
        image = _bytes(cv2.GaussianBlur(image, (0, 0), grade.blur * height))
    if grade.cells:
        across = max(_SMALLEST_CELLS, round(grade.cells * width / height))
        small = cv2.resize(image, (across, grade.cells), interpolation=cv2.INTER_AREA)
        image = _bytes(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST))
    if grade.effect in ("thermal", "woodcut"):
        image = _recoloured(image, grade)
    else:
        if grade.saturation != 1.0 or grade.hue_turn != 0.0:
            image = _bytes(cv2.transform(image, _colour_matrix(grade.saturation, grade.hue_turn)))
        image = _bytes(cv2.LUT(image, _curves(grade)))
    if grade.vignette > 0:
        image = _bytes(cv2.multiply(image, _shade(grade.vignette, width, height), scale=1 / 255))
    bar = round(grade.bars * height)
    if bar:
        image[:bar] = 0
        image[height - bar :] = 0
    return image


def _bytes(image: object) -> NDArray[np.uint8]:
    return np.asarray(image, dtype=np.uint8)


@lru_cache(maxsize=8)
def _colour_matrix(saturation: float, turn: float) -> NDArray[np.float32]:
    """Return (3, 3): turn about the grey axis, then scale the distance from grey."""
    grey = np.array([[_RED, _GREEN, _BLUE]] * 3)
    c, s, third = np.cos(turn), np.sin(turn), 1 / 3
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * (third**0.5)
    rotation = c * np.eye(3) + s * axis + (1 - c) * third
    return ((grey + saturation * (np.eye(3) - grey)) @ rotation).astype(np.float32)


@lru_cache(maxsize=8)
def _curves(grade: Grade) -> NDArray[np.uint8]:
    """Return the table (256, 1, 3) of gamma, contrast, gains, lift and levels."""
    level = np.linspace(0.0, 1.0, 256)[:, None]
    if grade.inverted:
        level = 1 - level
    curve = (level**grade.gamma - 0.5) * grade.contrast + 0.5
    curve = np.clip(curve, 0, 1) * np.array([grade.gains])
    if grade.levels:
        curve = np.rint(curve * (grade.levels - 1)) / (grade.levels - 1)
    curve = grade.lift + (1 - grade.lift) * np.clip(curve, 0, 1)
    return np.rint(curve * 255).astype(np.uint8)[:, None, :]


@lru_cache(maxsize=8)
def _shade(vignette: float, width: int, height: int) -> NDArray[np.uint8]:
    x = np.linspace(-1, 1, width)[None, :]
    y = np.linspace(-1, 1, height)[:, None]
    gain = 1 - vignette * np.clip((x**2 + y**2) / 2, 0, 1) ** 1.2
    return np.repeat(np.rint(gain * 255).astype(np.uint8)[:, :, None], 3, axis=2)


_INK_SOFTNESS = 140.0
"""Range of brightness, of 255, over which ink fades in."""


def _recoloured(image: NDArray[np.uint8], grade: Grade) -> NDArray[np.uint8]:
    """Return a picture made of brightness alone: false colours, or ink on paper."""
    grey = _bytes(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    grey = _bytes(cv2.LUT(grey, _curves(grade)[:, :, 0].copy()))
    if grade.effect == "thermal":
        return _bytes(cv2.cvtColor(cv2.applyColorMap(grey, grade.palette), cv2.COLOR_BGR2RGB))
    height, width = grey.shape
    # Soft edges: a small picture cannot resolve lines, but shows them as tone.
    below = _screen(grade.pitch, width, height).astype(np.float32) - grey
    amount = np.clip(0.5 + below[:, :, None] / _INK_SOFTNESS, 0, 1)
    paper, ink = np.array(grade.paper, np.float32), np.array(grade.ink, np.float32)
    return (paper + (ink - paper) * amount).astype(np.uint8)


@lru_cache(maxsize=8)
def _screen(pitch: float, width: int, height: int) -> NDArray[np.uint8]:
    """Return thresholds (height, width): slanted hatching for darks, dots for lights."""
    y, x = np.mgrid[0:height, 0:width] / height
    line = 0.5 + 0.5 * np.sin(2 * np.pi * (x + 0.7 * y) / pitch)
    dots = 0.5 + 0.25 * (np.sin(2 * np.pi * (x - y) / pitch) + np.sin(2 * np.pi * (x + y) / pitch))
    threshold = np.maximum(0.1 + 0.5 * line, 0.15 + 0.65 * dots**2)
    return np.rint(threshold * 255).astype(np.uint8)
