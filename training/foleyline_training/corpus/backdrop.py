"""What stands still behind a scene: wall, floor, light and grain.

Not here: anything that moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import STAGE_WIDTH, Camera, Canvas, Colour, box_points
from .paint import hsv, mixed

_WALLS = ("plain", "tiles", "stripes", "blotches")


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A wall above a floor; `floor` is the stage height (y) of the floor's near edge.

    `grain` 0..1 is how strongly the surface varies, `light` -1..1 where it is brighter
    (left to right), `seed` picks the grain.
    """

    upper: Colour
    lower: Colour
    ground: Colour
    wall: str
    pitch: float
    floor: float
    grain: float
    light: float
    seed: int


def make_backdrop(rng: np.random.Generator, floor: float) -> Backdrop:
    """Draw a muted backdrop, so that the things in front stand out."""
    hue, saturation = float(rng.uniform(0, 360)), float(rng.uniform(0.02, 0.22))
    value = float(rng.uniform(0.55, 0.95))
    upper = hsv(hue, saturation, value)
    lower = hsv(hue + float(rng.uniform(-30, 30)), saturation, value * float(rng.uniform(0.7, 1)))
    ground = hsv(
        float(rng.uniform(0, 360)), float(rng.uniform(0.02, 0.25)), float(rng.uniform(0.22, 0.5))
    )
    return Backdrop(
        upper,
        lower,
        ground,
        _WALLS[int(rng.integers(len(_WALLS)))],
        float(rng.uniform(0.12, 0.3)),
        floor,
        float(rng.uniform(0.0, 0.5)),
        float(rng.uniform(-1, 1)),
        int(rng.integers(1 << 31)),
    )


@lru_cache(maxsize=8)
def painted_backdrop(
    backdrop: Backdrop, camera: Camera, width: int, height: int
) -> NDArray[np.uint8]:
    """Return the backdrop as RGB uint8 (height, width, 3); the caller copies before drawing."""
    ramp = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
    upper, lower = (np.array(c, dtype=np.float32) for c in (backdrop.upper, backdrop.lower))
    wall = np.broadcast_to(upper + (lower - upper) * ramp, (height, width, 3))
    image = np.ascontiguousarray(np.rint(wall).astype(np.uint8))
    canvas = Canvas(image, camera)
    line = mixed(backdrop.upper, backdrop.lower, 1.5)
    line = (max(0, line[0] - 12), max(0, line[1] - 12), max(0, line[2] - 12))
    if backdrop.wall in ("tiles", "stripes"):
        for x in np.arange(-0.5, STAGE_WIDTH + 0.5, backdrop.pitch).tolist():
            canvas.stroke((x, -0.3), (x, backdrop.floor), 0.012, line)
    if backdrop.wall == "tiles":
        for y in np.arange(-0.3, backdrop.floor, backdrop.pitch).tolist():
            canvas.stroke((-0.5, y), (STAGE_WIDTH + 0.5, y), 0.012, line)
    depth = (1.4 - backdrop.floor) / 2
    middle = (STAGE_WIDTH / 2, backdrop.floor + depth)
    canvas.polygon(box_points(STAGE_WIDTH, depth) + middle, backdrop.ground)
    edge = mixed(backdrop.ground, (0, 0, 0), 0.45)
    canvas.stroke(
        (-0.5, backdrop.floor + 0.008), (STAGE_WIDTH + 0.5, backdrop.floor + 0.008), 0.016, edge
    )
    lit = image.astype(np.float32) * _light(backdrop, width, height)
    return np.clip(lit, 0, 255).astype(np.uint8)


def _light(backdrop: Backdrop, width: int, height: int) -> NDArray[np.float32]:
    rng = np.random.Generator(np.random.PCG64(backdrop.seed))
    coarse = (9, 16) if backdrop.wall == "blotches" else (36, 64)
    noise = rng.standard_normal(coarse).astype(np.float32)
    grain = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * (0.12 * backdrop.light)
    lit = 1 + across + 0.1 * backdrop.grain * grain
    return np.asarray(lit[:, :, None], dtype=np.float32)
