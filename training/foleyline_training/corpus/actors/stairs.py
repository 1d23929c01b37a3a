"""A ball that hops down a flight of stairs. Never in training: the unseen split shows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..materials import Material
from ..paint import Paint
from ..physics import Body
from .place import Place, between
from .tumbling import Tumbling, Walls, tumbled


def make_stairs(
    rng: np.random.Generator, place: Place, material: Material, paint: Paint
) -> Tumbling:
    """Invent stairs in `place` and the balls that are pushed over their top."""
    side = 1 if rng.random() < 0.5 else -1
    steps = int(rng.integers(3, 6))
    tread, rise = place.width * 0.72 / steps, between(rng, 0.08, 0.12)
    top_x = place.left if side > 0 else place.right
    walls: Walls = []
    for k in range(steps):
        y = place.floor - (steps - k) * rise
        near, far = top_x + side * tread * k, top_x + side * tread * (k + 1)
        walls += [((near, y), (far, y)), ((far, y), (far, y + rise))]
    walls.append(((top_x - side * 3.0, walls[0][0][1]), walls[0][0]))
    shown = list(walls[:-1])
    walls.append(((-9.0, place.floor), (9.0, place.floor)))
    kept = min(0.75, between(rng, *material.restitution))
    bodies: list[Body] = []
    time_s = place.wait_s(rng, 0.1, 0.8)
    while time_s < place.duration_s and len(bodies) < 3:
        radius = min(tread * 0.4, between(rng, 0.05, 0.085))
        at = (top_x - side * (radius + 0.05), walls[0][0][1] - radius - between(rng, 0.02, 0.2))
        speed = side * between(rng, 0.35, 0.6)
        bodies.append(Body(radius, *at, kept, speed_x=speed, friction=0.3, release_s=time_s))
        time_s += place.wait_s(rng, 2.2, 4.0)
    made = tumbled(place, paint, bodies, walls, shown, gravity=between(rng, 2.4, 3.6))
    blocks = tuple(
        (
            ((start[0] + end[0]) / 2, (start[1] + place.floor) / 2),
            (abs(end[0] - start[0]) / 2 + 0.004, (place.floor - start[1]) / 2),
        )
        for start, end in shown
        if start[1] == end[1]
    )
    return replace(made, blocks=blocks)
