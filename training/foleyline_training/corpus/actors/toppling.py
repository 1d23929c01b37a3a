"""A row of dominoes that falls, one onto the next. Never in training: the unseen split shows it."""

from __future__ import annotations

import numpy as np

from ..canvas import box_points
from ..paint import Paint
from ..physics import Body
from .place import Place, between
from .tumbling import Tumbling, Walls, tumbled


def make_toppling(rng: np.random.Generator, place: Place, paint: Paint) -> Tumbling:
    """Invent a row of dominoes in `place`, and the ball that knocks the first one."""
    side = 1 if rng.random() < 0.5 else -1
    half_height = between(rng, 0.11, 0.16)
    half_width = half_height * between(rng, 0.16, 0.24)
    # Wide apart, so that one after the other is heard.
    gap = 2 * half_height * between(rng, 0.62, 0.8)
    count = max(2, min(9, int((place.width - 0.25) / gap)))
    first = place.middle - side * gap * (count - 1) / 2
    corners = tuple((x, y) for x, y in box_points(half_width, half_height).tolist())
    radius = float(np.hypot(half_width, half_height))
    bodies = [
        Body(radius, first + side * gap * k, place.floor - half_height, 0.1, corners, friction=0.5)
        for k in range(count)
    ]
    ball = between(rng, 0.05, 0.07)
    for k in range(2):
        time_s = place.wait_s(rng, 0.3, 1.5) + 3.5 * k
        at = (first - side * (0.5 + 0.1 * k), place.floor - half_height * 1.4)
        bodies.append(
            Body(
                ball, *at, 0.35, speed_x=side * between(rng, 0.9, 1.4), speed_y=-0.5,
                release_s=time_s,
            )
        )  # fmt: skip
    walls: Walls = [((-9.0, place.floor), (9.0, place.floor))]
    return tumbled(place, paint, bodies, walls, [], gravity=between(rng, 2.0, 3.2))
