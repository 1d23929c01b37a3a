"""A canvas in stage units: x in 0..16/9 to the right, y in 0..1 downwards, any pixel size.

The stage is squashed to whatever width and height the picture has. Not here: what things look
like (`paint`).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from math import cos, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

STAGE_WIDTH = 16 / 9
"""Width of the stage, in units of its height."""

Colour = tuple[int, int, int]
_SHIFT = 4
_TURNS = np.linspace(0.0, 2 * pi, 25)[:-1]
_CIRCLE = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)


@dataclass(frozen=True, slots=True)
class Camera:
    """A fixed view: `zoom` about the stage's centre, then a shift in stage units, or mirrored."""

    zoom: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    mirrored: bool = False

    def picture_x(self, x: float) -> float:
        """Return where stage position `x` lies in the picture, 0 left edge, 1 right edge."""
        seen = ((x - STAGE_WIDTH / 2) * self.zoom + self.shift_x) / STAGE_WIDTH + 0.5
        return 1.0 - seen if self.mirrored else seen


class Canvas:
    """Draws anti-aliased shapes in stage units into an RGB uint8 image (height, width, 3)."""

    def __init__(self, image: NDArray[np.uint8], camera: Camera) -> None:
        height, width = image.shape[:2]
        self.image = image
        scale_x = width / STAGE_WIDTH * camera.zoom
        scale_y = height * camera.zoom
        offset_x = width * camera.picture_x(0.0)
        offset_y = height * ((-0.5) * camera.zoom + camera.shift_y + 0.5)
        if camera.mirrored:
            scale_x = -scale_x
        # Half a pixel less: cv2 puts whole numbers at the centres of pixels.
        self._scale = np.array([scale_x, scale_y]) * (1 << _SHIFT)
        self._offset = np.array([offset_x - 0.5, offset_y - 0.5]) * (1 << _SHIFT)
        self._mean_scale = (abs(scale_x) + scale_y) / 2

    def scaled(self, scale: float, shift: tuple[float, float]) -> Canvas:
        """Return a canvas on the same image whose point p is this one's `scale * p + shift`."""
        other = copy(self)
        other._offset = self._offset + np.array(shift) * self._scale
        other._scale = self._scale * scale
        other._mean_scale = self._mean_scale * scale
        return other

    def polygon(self, points: NDArray[np.float64], colour: Colour, alpha: float = 1.0) -> None:
        """Fill a polygon; `points` (n, 2) in stage units, `alpha` 0..1."""
        fixed = np.rint(points * self._scale + self._offset).astype(np.int32)
        if alpha >= 1.0:
            cv2.fillPoly(self.image, [fixed], colour, cv2.LINE_AA, _SHIFT)
            return
        height, width = self.image.shape[:2]
        left, top = np.maximum((fixed.min(axis=0) >> _SHIFT) - 2, 0).tolist()
        right, bottom = np.minimum((fixed.max(axis=0) >> _SHIFT) + 3, (width, height)).tolist()
        if right <= left or bottom <= top:
            return
        under = self.image[top:bottom, left:right]
        over = under.copy()
        moved = (fixed - np.array([left << _SHIFT, top << _SHIFT])).astype(np.int32)
        cv2.fillPoly(over, [moved], colour, cv2.LINE_AA, _SHIFT)
        self.image[top:bottom, left:right] = cv2.addWeighted(over, alpha, under, 1 - alpha, 0.0)

    def ellipse(
        self,
        centre: tuple[float, float],
        radius_x: float,
        radius_y: float,
        colour: Colour,
        alpha: float = 1.0,
    ) -> None:
        """Fill an upright ellipse; everything in stage units."""
        self.polygon(_CIRCLE * (radius_x, radius_y) + centre, colour, alpha)

    def ring(
        self,
        centre: tuple[float, float],
        radius_x: float,
        radius_y: float,
        width: float,
        colour: Colour,
    ) -> None:
        """Draw the outline of an ellipse; `width` in stage units."""
        self.outline(_CIRCLE * (radius_x, radius_y) + centre, width, colour)

    def outline(self, points: NDArray[np.float64], width: float, colour: Colour) -> None:
        """Draw a closed line through `points` (n, 2); `width` in stage units."""
        fixed = np.rint(points * self._scale + self._offset).astype(np.int32)
        thickness = max(1, round(width * self._mean_scale))
        cv2.polylines(self.image, [fixed], True, colour, thickness, cv2.LINE_AA, _SHIFT)

    def stroke(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        width: float,
        colour: Colour,
        alpha: float = 1.0,
    ) -> None:
        """Draw a straight bar from `start` to `end`; `width` in stage units."""
        along = np.array([end[0] - start[0], end[1] - start[1]])
        length = float(np.hypot(along[0], along[1]))
        if length < 1e-9:
            return
        side = np.array([-along[1], along[0]]) * (width / 2 / length)
        corners = np.array([start + side, end + side, end - side, start - side])
        self.polygon(corners, colour, alpha)


def turned(
    local: NDArray[np.float64], centre: tuple[float, float], angle: float
) -> NDArray[np.float64]:
    """Return `local` points (n, 2) turned by `angle` radians (clockwise seen) and moved."""
    c, s = cos(angle), sin(angle)
    return local @ np.array([[c, s], [-s, c]]) + centre


def box_points(half_width: float, half_height: float) -> NDArray[np.float64]:
    """Return the corners (4, 2) of a box about the origin."""
    return np.array(
        [
            [-half_width, -half_height],
            [half_width, -half_height],
            [half_width, half_height],
            [-half_width, half_height],
        ]
    )
