"""What stands behind a scene: wall, floor, light and grain, painted larger than the picture.

Only the camera moves it. Not here: anything that moves by itself; patterns are in `wallpaper`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .brush import Colour
from .camera import STAGE_WIDTH, Camera
from .canvas import Canvas
from .paint import hsv
from .wallpaper import FLOORS, UNSEEN_WALLS, WALLS, paint_floor, paint_wall

_MARGIN = 1.35
_LARGEST_PX = 4096

Tone = tuple[Colour, float]
"""A colour, and the share 0..1 of the way that everything goes to it."""


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A wall above a floor; `floor` is the stage height (y) on which things stand.

    The wall ends at `horizon`, at or above `floor`. `accent` is the second colour of the
    patterns `wall` and `ground_pattern`. `grain` 0..1 is how strongly the surface varies,
    `light` -1..1 where it is brighter (left to right), `seed` picks the grain.
    """

    upper: Colour
    lower: Colour
    ground: Colour
    accent: Colour
    wall: str
    ground_pattern: str
    pitch: float
    floor: float
    horizon: float
    grain: float
    light: float
    seed: int


def make_backdrop(rng: np.random.Generator, floor: float, *, unseen: bool = False) -> Backdrop:
    """Draw a backdrop: mostly muted, so that the things in front stand out, but not always."""
    night = rng.random() < 0.18
    loud = rng.random() < 0.25
    hue = float(rng.uniform(0, 360))
    saturation = float(rng.uniform(0.25, 0.7) if loud else rng.uniform(0.02, 0.25))
    value = float(rng.uniform(0.1, 0.32) if night else rng.uniform(0.4, 0.97))
    upper = hsv(hue, saturation, value)
    turn = float(rng.uniform(-50, 50))
    lower = hsv(hue + turn, saturation, min(1.0, value * float(rng.uniform(0.6, 1.25))))
    accent = hsv(
        hue + float(rng.uniform(-60, 60)),
        min(1.0, saturation * float(rng.uniform(0.5, 1.8))),
        min(1.0, value * float(rng.uniform(0.65, 1.2)) + 0.03),
    )
    ground_value = float(rng.uniform(0.06, 0.25) if night else rng.uniform(0.2, 0.8))
    ground = hsv(
        float(rng.uniform(0, 360)), float(rng.uniform(0.02, 0.5 if loud else 0.25)), ground_value
    )
    walls = UNSEEN_WALLS if unseen else WALLS
    return Backdrop(
        upper,
        lower,
        ground,
        accent,
        walls[int(rng.integers(len(walls)))],
        FLOORS[int(rng.integers(len(FLOORS)))],
        float(rng.uniform(0.1, 0.34)),
        floor,
        floor - (float(rng.uniform(0.02, 0.22)) if rng.random() < 0.5 else 0.0),
        float(rng.uniform(0.0, 1.0)),
        float(rng.uniform(-1, 1)),
        int(rng.integers(1 << 31)),
    )


def seen_backdrop(
    backdrop: Backdrop, tone: Tone, camera: Camera, time_s: float, width: int, height: int
) -> NDArray[np.uint8]:
    """Return what the camera sees of the backdrop: RGB uint8 (height, width, 3).

    `tone` takes it towards one colour. The caller may draw on it.
    """
    if camera.still:
        return _still(backdrop, tone, camera, width, height).copy()
    return _warped(backdrop, tone, camera, time_s, width, height)


@lru_cache(maxsize=4)
def _still(
    backdrop: Backdrop, tone: Tone, camera: Camera, width: int, height: int
) -> NDArray[np.uint8]:
    return _warped(backdrop, tone, camera, 0.0, width, height)


def _warped(
    backdrop: Backdrop, tone: Tone, camera: Camera, time_s: float, width: int, height: int
) -> NDArray[np.uint8]:
    widest = round(camera.widest, 4)
    large = (
        min(_LARGEST_PX, round(width * _MARGIN * camera.zoom / widest)),
        min(_LARGEST_PX, round(height * _MARGIN * camera.zoom / widest)),
    )
    whole = _painted(backdrop, tone, widest, *large)
    seen, painted = np.eye(3), np.eye(3)
    seen[:2] = camera.view(time_s) * np.array([[width], [height]])
    painted[:2] = Camera(widest / _MARGIN).view() * np.array([[large[0]], [large[1]]])
    # cv2 puts whole numbers at the centres of pixels.
    seen[:2, 2] -= 0.5
    painted[:2, 2] -= 0.5
    matrix = (seen @ np.linalg.inv(painted))[:2]
    found = cv2.warpAffine(
        whole, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(found, dtype=np.uint8)


@lru_cache(maxsize=4)
def _painted(
    backdrop: Backdrop, tone: Tone, widest: float, width: int, height: int
) -> NDArray[np.uint8]:
    """Paint all that a camera whose smallest zoom is `widest` may see."""
    view = Camera(widest / _MARGIN).view()
    top, bottom = ((y - view[1, 2]) / view[1, 1] for y in (0.0, 1.0))
    ramp = np.linspace(top, bottom, height, dtype=np.float32)[:, None, None]
    ramp = np.clip(ramp / max(0.1, backdrop.horizon), 0, 1)
    upper, lower = (np.array(c, dtype=np.float32) for c in (backdrop.upper, backdrop.lower))
    wall = np.broadcast_to(upper + (lower - upper) * ramp, (height, width, 3))
    image = np.ascontiguousarray(np.rint(wall).astype(np.uint8))
    canvas = Canvas(image, view)
    reach = (0.5 * STAGE_WIDTH + 1.0) * _MARGIN / widest
    rng = np.random.Generator(np.random.PCG64(backdrop.seed))
    paint_wall(canvas, rng, backdrop.wall, backdrop.pitch, backdrop.horizon, backdrop.accent, reach)
    paint_floor(
        canvas,
        rng,
        backdrop.ground_pattern,
        backdrop.pitch,
        backdrop.horizon,
        backdrop.ground,
        reach,
    )
    lit = image.astype(np.float32) * _light(backdrop, width, height)
    lit += (np.array(tone[0], dtype=np.float32) - lit) * np.float32(tone[1])
    return np.clip(lit, 0, 255).astype(np.uint8)


def _light(backdrop: Backdrop, width: int, height: int) -> NDArray[np.float32]:
    rng = np.random.Generator(np.random.PCG64(backdrop.seed))
    coarse = (9, 16) if backdrop.wall == "blotches" else (54, 96)
    noise = rng.standard_normal(coarse).astype(np.float32)
    grain = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * (0.25 * backdrop.light)
    lit = 1 + across + 0.11 * backdrop.grain * grain
    return np.asarray(lit[:, :, None], dtype=np.float32)
