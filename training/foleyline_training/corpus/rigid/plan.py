"""What happens in a rigid-body scene: floor, bodies, who lets go of them when, and the camera.

Metres, seconds, radians; x to the right, y away from the camera, z up, the floor at 0 where
things happen. Needs numpy only. Not here: how things look (`looks`), how they move (`simulate`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from .acts import ACTS
from .bodies import Body, Ground, Slot

_STREAM = {"evaluation": 0x3D0E, "training": 0x3D07}
_LAST_RELEASE_BEFORE_END_S = 1.6
_HALF_WIDTH = 0.95


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """Looks at `target` from `distance`, `azimuth` (0 is from the front) and `elevation`.

    `width` metres across are in the picture at the target. `orbit` is how far it turns over the
    scene, `shake` how far a hand moves it, metres.
    """

    target: tuple[float, float, float]
    distance: float
    azimuth: float
    elevation: float
    width: float
    orbit: float
    shake: float
    blur: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A scene before it is simulated; `bodies` includes those that never move by themselves."""

    seed: int
    collection: str
    duration_s: float
    ground: Ground
    bodies: tuple[Body, ...]
    camera: CameraPlan
    acts: tuple[str, ...] = field(default=())


def plan_rng(seed: int, collection: str, purpose: int) -> np.random.Generator:
    """Return the random stream of a scene for one purpose (0 plan, 1 looks)."""
    return np.random.Generator(np.random.PCG64([seed, _STREAM[collection], purpose]))


def make_plan(seed: int, collection: str, duration_s: float) -> Plan:
    """Invent the scene of `seed` with the objects of `collection` (evaluation or training)."""
    rng = plan_rng(seed, collection, 0)
    ground = _ground(rng)
    count = int(rng.choice([1, 2, 3, 4], p=[0.1, 0.35, 0.35, 0.2]))
    names = [name for name, act in ACTS.items() if ground.kind in act.grounds]
    weights = np.array([ACTS[name].weight for name in names])
    edges = np.linspace(-_HALF_WIDTH, _HALF_WIDTH, count + 1)
    starts = _spread(rng, count, duration_s)
    bodies: list[Body] = []
    acts: list[str] = []
    for number in rng.permutation(count).tolist():
        name = str(rng.choice(names, p=weights / weights.sum()))
        slot = Slot(
            left=float(edges[number]),
            right=float(edges[number + 1]),
            y=float(rng.uniform(-0.3, 0.35)),
            start_s=starts[number],
            duration_s=duration_s,
            collection=collection,
            ground=ground,
        )
        bodies += ACTS[name].make(rng, slot)
        acts.append(name)
    return Plan(seed, collection, duration_s, ground, tuple(bodies), _camera(rng), tuple(acts))


def _spread(rng: np.random.Generator, count: int, duration_s: float) -> list[float]:
    """Times at which acts start: in random order, one in each share of the scene."""
    last = duration_s - _LAST_RELEASE_BEFORE_END_S
    edges = np.linspace(0.2, last, count + 1)
    return [float(rng.uniform(edges[k], edges[k + 1])) for k in rng.permutation(count).tolist()]


def _ground(rng: np.random.Generator) -> Ground:
    kind = str(
        rng.choice(["plane", "room", "table", "tray", "stairs"], p=[0.25, 0.25, 0.2, 0.15, 0.15])
    )
    return Ground(
        kind,
        wall_y=float(rng.uniform(0.7, 1.5)),
        half_width=float(rng.uniform(1.1, 1.3)),
        steps=int(rng.integers(3, 6)),
        rise=float(rng.uniform(0.1, 0.17)),
        descends_right=bool(rng.random() < 0.5),
    )


def _camera(rng: np.random.Generator) -> CameraPlan:
    moves = str(rng.choice(["still", "orbit", "hand"], p=[0.6, 0.2, 0.2]))
    return CameraPlan(
        target=(float(rng.uniform(-0.12, 0.12)), 0.0, float(rng.uniform(0.3, 0.5))),
        distance=float(rng.uniform(2.6, 6.0)),
        azimuth=float(rng.normal(0, 0.25)),
        elevation=float(np.radians(rng.uniform(6, 38))),
        width=float(rng.uniform(1.9, 2.4)),
        orbit=float(rng.uniform(-0.35, 0.35)) if moves == "orbit" else 0.0,
        shake=float(rng.uniform(0.01, 0.05)) if moves == "hand" else 0.0,
        blur=float(rng.choice([0.0, 0.25, 0.5])),
    )


def camera_path(
    camera: CameraPlan, seed: int, times_s: NDArray[np.float64], duration_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the camera is and where it looks, both (times, 3)."""
    rng = np.random.default_rng([seed, 0xCA3])
    azimuth = camera.azimuth + camera.orbit * (times_s / duration_s - 0.5)
    flat = camera.distance * np.cos(camera.elevation)
    target = np.asarray(camera.target)
    eye = target + np.stack(
        [
            flat * np.sin(azimuth),
            -flat * np.cos(azimuth),
            np.full(len(times_s), camera.distance * np.sin(camera.elevation)),
        ],
        1,
    )
    looks_at = np.broadcast_to(target, eye.shape).copy()
    if camera.shake:
        for rate_hz in (0.4, 0.9, 2.1):
            phases = rng.uniform(0, 2 * pi, (2, 3))
            swing = camera.shake / sqrt(rate_hz / 0.4)
            eye += swing * np.sin(2 * pi * rate_hz * times_s[:, None] + phases[0])
            looks_at += 0.5 * swing * np.sin(2 * pi * rate_hz * times_s[:, None] + phases[1])
    return eye, looks_at
