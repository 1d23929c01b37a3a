"""A scene sampled into pictures the way the server samples a real file.

Not here: drawing (`stage`), video files (`clip_file`).
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
from numpy.typing import NDArray

from .scene import Scene
from .sensor import Sensor


def source_frame(
    point: int, *, picture_fps: Fraction, phase_s: Fraction, source_fps: Fraction
) -> int:
    """Return the number of the source frame shown at grid point `point` (both from 0).

    It is the last frame whose time stamp is not after `point / picture_fps + phase_s`.
    """
    return floor((point / picture_fps + phase_s) * source_fps)


def source_picture(
    scene: Scene, sensor: Sensor, frame: int, source_fps: Fraction, width: int, height: int
) -> NDArray[np.uint8]:
    """Return source frame `frame` as a file of `source_fps` would hold it: RGB uint8."""
    exposure_s = float(scene.look.shutter / source_fps)
    time_s = float(frame / source_fps)
    picture = scene.draw(time_s, width, height, exposure_s=exposure_s)
    return sensor.exposed(picture, frame, time_s)


def render_pictures(
    scene: Scene,
    *,
    picture_fps: Fraction,
    count: int,
    size_px: int,
    phase_s: Fraction,
    source_fps: Fraction | None = None,
) -> NDArray[np.uint8]:
    """Render grid points 0 to `count - 1`: RGB uint8 (count, size_px, size_px, 3).

    `source_fps` is the pretended rate of the file, by default the scene's own. Defects are a
    fixed property of the scene.
    """
    source_fps = scene.source_fps if source_fps is None else source_fps
    sensor = Sensor(scene.look.defects, size_px, size_px)
    pictures = np.empty((count, size_px, size_px, 3), dtype=np.uint8)
    drawn = -1
    for point in range(count):
        frame = sensor.kept(
            source_frame(point, picture_fps=picture_fps, phase_s=phase_s, source_fps=source_fps)
        )
        if frame == drawn:
            pictures[point] = pictures[point - 1]
            continue
        drawn = frame
        pictures[point] = source_picture(scene, sensor, frame, source_fps, size_px, size_px)
    return pictures
