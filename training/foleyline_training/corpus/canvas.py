"""A canvas in stage units: x in 0..16/9 to the right, y in 0..1 downwards, any pixel size.

The stage is squashed to whatever width and height the picture has. Not here: what things look
like (`paint`), how a shape's inside is filled (`brush`).
"""

from __future__ import annotations

from copy import copy
from math import cos, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from .brush import PLAIN, SHIFT, Brush, Colour
from .camera import STAGE_WIDTH, Camera

__all__ = ["STAGE_WIDTH", "Camera", "Canvas", "Colour", "box_at", "box_points", "turned"]

_TURNS = np.linspace(0.0, 2 * pi, 25)[:-1]
_CIRCLE = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)


class Canvas:
    """Draws anti-aliased shapes in stage units into an RGB uint8 image (height, width, 3).

    `view` is a camera's matrix (2, 3) from the stage to the picture. `flash` 0..1 is how far
    things that are struck may light up and shake, so actors multiply such cues by it.
    """

    def __init__(
        self,
        image: NDArray[np.uint8],
        view: NDArray[np.float64],
        brush: Brush = PLAIN,
        *,
        time_s: float = 0.0,
        flash: float = 0.0,
    ) -> None:
        height, width = image.shape[:2]
        self.image = image
        self.flash = flash
        self._brush = brush
        self._time_s = time_s
        pixels = view * np.array([[width], [height]])
        self._scale = pixels[:, :2].T * (1 << SHIFT)
        # Half a pixel less: cv2 puts whole numbers at the centres of pixels.
        self._offset = (pixels[:, 2] - 0.5) * (1 << SHIFT)
        self._mean_scale = float(np.abs(np.linalg.det(pixels[:, :2]))) ** 0.5

    def _fixed(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        return np.rint(points @ self._scale + self._offset).astype(np.int32)

    def scaled(self, scale: float, shift: tuple[float, float]) -> Canvas:
        """Return a canvas on the same image whose point p is this one's `scale * p + shift`."""
        other = copy(self)
        other._offset = self._offset + np.array(shift) @ self._scale
        other._scale = self._scale * scale
        other._mean_scale = self._mean_scale * scale
        return other

    def polygon(self, points: NDArray[np.float64], colour: Colour, alpha: float = 1.0) -> None:
        """Fill a polygon; `points` (n, 2) in stage units, `alpha` 0..1."""
        self._brush.fill(
            self.image, self._fixed(points), colour, alpha, self._mean_scale, self._time_s
        )

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
        thickness = max(1, round(width * self._mean_scale))
        colour = self._brush.line_colour(colour)
        fixed = [self._fixed(points)]
        cv2.polylines(self.image, fixed, True, colour, thickness, cv2.LINE_AA, SHIFT)

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


def box_at(x: float, y: float, half_width: float, half_height: float) -> NDArray[np.float64]:
    """Return the corners (4, 2) of a box about (`x`, `y`)."""
    return box_points(half_width, half_height) + np.array([x, y])
