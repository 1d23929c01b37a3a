"""Ground and bodies of a rigid-body scene, and how a body stands or is let go.

Metres, seconds, radians. Needs numpy only. Not here: what they do (`acts`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]

SOLIDS = ("wood", "metal", "glass", "stone")
MATERIALS = (*SOLIDS, "soft")
RESTITUTION = {"wood": 0.55, "metal": 0.62, "glass": 0.58, "stone": 0.42, "soft": 0.7}
DENSITY = {"wood": 0.7, "metal": 4.0, "glass": 2.0, "stone": 2.5, "soft": 0.2}
EXTENTS: dict[str, Vector] = {
    "ball": (0.5, 0.5, 0.5),
    "cube": (0.5, 0.5, 0.5),
    "bottle": (0.17, 0.17, 0.5),
    "mug": (0.5, 0.4, 0.42),
    "plank": (0.12, 0.05, 0.5),
    "monkey": (0.5, 0.35, 0.4),
    "ico": (0.5, 0.5, 0.5),
    "cylinder": (0.3, 0.3, 0.5),
    "cone": (0.42, 0.42, 0.5),
    "torus": (0.5, 0.5, 0.15),
    "brick": (0.5, 0.25, 0.17),
    "dumbbell": (0.17, 0.17, 0.5),
    "capsule": (0.22, 0.22, 0.5),
    "hammer": (0.1, 0.16, 0.1),
    "mallet": (0.14, 0.2, 0.14),
    "block": (0.5, 0.4, 0.35),
    "drumblock": (0.45, 0.45, 0.35),
}
"""Half extents of a shape of size 1; an upright shape stands along z."""

_HAND_S = 0.12
"""How long a hand that throws moves before it lets go."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The floor and what bounds it; `kind` is plane, room, table, tray or stairs."""

    kind: str
    wall_y: float
    half_width: float
    steps: int
    rise: float
    descends_right: bool

    def height(self, x: float) -> float:
        """Return the height of the floor at `x`."""
        if self.kind != "stairs":
            return 0.0
        share = (x + self.half_width) / (2 * self.half_width)
        step = int(np.clip(share * self.steps, 0, self.steps - 1))
        return self.rise * (self.steps - 1 - step if self.descends_right else step)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where and when an act happens."""

    left: float
    right: float
    y: float
    start_s: float
    duration_s: float
    collection: str
    ground: Ground

    @property
    def x(self) -> float:
        return (self.left + self.right) / 2

    @property
    def far(self) -> float:
        """How far from the middle things may fly in from: outside the picture, inside a room."""
        return self.ground.half_width - 0.25 if self.ground.kind == "room" else 1.55


@dataclass(frozen=True, slots=True)
class Body:
    """A thing: its shape and the keys `times_s` (n,), `places` (n, 3), `turns` (n, 3 Euler XYZ).

    `release_s` is when the solver takes over: 0 for one that stands free from the start,
    None for one that only ever follows its keys. `strikes` says that what it touches is heard
    rather than itself. `pivot` hangs it from a point.
    """

    shape: str
    material: str
    size: float
    times_s: NDArray[np.float64]
    places: NDArray[np.float64]
    turns: NDArray[np.float64]
    release_s: float | None
    strikes: bool = False
    pivot: Vector | None = None

    @property
    def half(self) -> NDArray[np.float64]:
        """Half extents in metres."""
        return np.asarray(EXTENTS[self.shape]) * self.size


def still(
    shape: str,
    material: str,
    size: float,
    place: Vector,
    release_s: float | None,
    turn: Vector = (0.0, 0.0, 0.0),
) -> Body:
    return Body(shape, material, size, np.zeros(1), np.array([place]), np.array([turn]), release_s)


def pick(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return str(names[int(rng.integers(len(names)))])


def pick_size(rng: np.random.Generator, shape: str) -> float:
    longish = min(EXTENTS[shape]) < 0.25
    return float(rng.uniform(0.5, 0.75) if longish else rng.uniform(0.32, 0.5))


def handed(
    rng: np.random.Generator,
    slot: Slot,
    shape: str,
    place: NDArray[np.float64],
    velocity: NDArray[np.float64],
    turn: NDArray[np.float64],
    spin: NDArray[np.float64],
    size: float,
) -> Body:
    """A body that waits, is swung for _HAND_S and let go at `place` with `velocity`, `spin`."""
    start = max(slot.start_s, _HAND_S + 0.02)
    times = np.array([0.0, start - _HAND_S, start])
    before, turned = place - velocity * _HAND_S, turn - spin * _HAND_S
    return Body(
        shape,
        pick(rng, MATERIALS),
        size,
        times,
        np.stack([before, before, place]),
        np.stack([turned, turned, turn]),
        start,
    )


def above_floor(
    start: NDArray[np.float64], velocity: NDArray[np.float64], size: float
) -> NDArray[np.float64]:
    """Where to let go so that a hand that swings upwards does not begin below the floor."""
    return np.array([start[0], start[1], max(start[2], velocity[2] * _HAND_S + size / 2)])


def standing(body: Body, ground: Ground, lift: float = 0.0) -> Body:
    """The same body set down on the floor (upright), `lift` above it."""
    place = body.places[0].copy()
    place[2] = ground.height(float(place[0])) + body.half[2] + lift
    return replace(body, places=place[None])
