"""A moment of a scene drawn: backdrop, shadows, things, then the look's colours.

Not here: sampling into pictures (`render`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from .backdrop import Backdrop, seen_backdrop
from .brush import Brush
from .camera import Camera
from .canvas import Canvas
from .grade import graded
from .look import Look, Shadow

_SUPERSAMPLED_BELOW = 300
_EXPOSURES = 3
_SHADOW_BRUSH = Brush(neutral=(255, 255, 255), tone=(255, 255, 255), tone_amount=1.0)


class Drawn(Protocol):
    """Something that can be drawn at any time."""

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the state at `time_s`."""
        ...


def draw_stage(
    things: Sequence[Drawn],
    backdrop: Backdrop,
    camera: Camera,
    look: Look,
    *,
    time_s: float,
    exposure_s: float,
    width: int,
    height: int,
) -> NDArray[np.uint8]:
    """Draw the picture exposed for `exposure_s` about `time_s`: RGB uint8 (height, width, 3)."""
    if exposure_s <= 0:
        return graded(_exposed(things, backdrop, camera, look, time_s, width, height), look.grade)
    light = np.zeros((height, width, 3), dtype=np.float32)
    for k in range(_EXPOSURES):
        at_s = time_s + exposure_s * ((k + 0.5) / _EXPOSURES - 0.5)
        picture = _exposed(things, backdrop, camera, look, max(0.0, at_s), width, height)
        cv2.accumulate(picture, light)
    blurred = np.rint(light / _EXPOSURES).astype(np.uint8)
    return graded(blurred, look.grade)


def _exposed(
    things: Sequence[Drawn],
    backdrop: Backdrop,
    camera: Camera,
    look: Look,
    time_s: float,
    width: int,
    height: int,
) -> NDArray[np.uint8]:
    factor = 2 if height < _SUPERSAMPLED_BELOW else 1
    full = (width * factor, height * factor)
    image = seen_backdrop(backdrop, (look.ground, look.ground_amount), camera, time_s, *full)
    view = camera.view(time_s)
    if look.shadow is not None:
        image = _shadowed(image, things, look.shadow, view, backdrop.floor, time_s)
    canvas = Canvas(image, view, look.brush, time_s=time_s, flash=look.flash)
    for thing in things:
        thing.draw(canvas, time_s)
    if factor == 1:
        return image
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def _shadowed(
    image: NDArray[np.uint8],
    things: Sequence[Drawn],
    shadow: Shadow,
    view: NDArray[np.float64],
    floor: float,
    time_s: float,
) -> NDArray[np.uint8]:
    """Darken the image where the things' shadows fall."""
    cast = np.eye(3)
    if shadow.lying:
        # A point `high` above the floor is cast `across * high` aside, on the floor before it.
        cast[0, 1:] = (-shadow.across, shadow.across * floor)
        cast[1, 1:] = (-shadow.down, floor * (1 + shadow.down))
    else:
        cast[:2, 2] = (shadow.across, shadow.down)
    height, width = image.shape[:2]
    mask = np.zeros((height // 2, width // 2, 3), dtype=np.uint8)
    canvas = Canvas(mask, view @ cast, _SHADOW_BRUSH, time_s=time_s)
    for thing in things:
        thing.draw(canvas, time_s)
    gain = cv2.convertScaleAbs(mask, alpha=-shadow.depth, beta=255.0)
    large = cv2.resize(gain, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(image, large, scale=1 / 255), dtype=np.uint8)
