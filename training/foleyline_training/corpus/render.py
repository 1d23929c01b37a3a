"""A scene sampled into pictures the way the server samples a real file.

Not here: drawing (`scene`), video files (`clip_file`).
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
from numpy.typing import NDArray

from .scene import Scene, scene_rng

_NOISE_PICTURES = 8


def source_frame(
    point: int, *, picture_fps: Fraction, phase_s: Fraction, source_fps: Fraction
) -> int:
    """Return the number of the source frame shown at grid point `point` (both from 0).

    It is the last frame whose time stamp is not after `point / picture_fps + phase_s`.
    """
    return floor((point / picture_fps + phase_s) * source_fps)


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

    `source_fps` is the pretended rate of the file, by default the scene's own. Noise and
    flicker are a fixed property of the scene.
    """
    source_fps = scene.source_fps if source_fps is None else source_fps
    rng = scene_rng(scene.seed, scene.split, 2)
    level = float(rng.uniform(0.0, 4.0))
    flicker = float(rng.uniform(0.0, 0.012))
    bank = rng.standard_normal((_NOISE_PICTURES, size_px, size_px, 3), dtype=np.float32) * level
    gains = 1 + flicker * rng.standard_normal(count)
    picks = rng.integers(_NOISE_PICTURES, size=count)
    pictures = np.empty((count, size_px, size_px, 3), dtype=np.uint8)
    drawn, clean = -1, np.empty(0, dtype=np.uint8)
    for point in range(count):
        frame = source_frame(point, picture_fps=picture_fps, phase_s=phase_s, source_fps=source_fps)
        if frame == drawn:
            pictures[point] = pictures[point - 1]
            continue
        drawn = frame
        clean = scene.draw(float(frame / source_fps), size_px, size_px)
        noisy = clean * np.float32(gains[point]) + bank[picks[point]]
        pictures[point] = np.clip(noisy, 0, 255).astype(np.uint8)
    return pictures
