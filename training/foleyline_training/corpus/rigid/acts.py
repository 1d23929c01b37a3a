"""The acts of a rigid-body scene: dropping, throwing, rolling, tipping, swinging, striking.

An act makes bodies and the keys that move them until they are let go; from then on the solver
has them. Needs numpy only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from .bodies import (
    EXTENTS,
    MATERIALS,
    SOLIDS,
    Body,
    Slot,
    above_floor,
    handed,
    pick,
    pick_size,
    standing,
    still,
)

_LOOSE = {
    "evaluation": ("ball", "cube", "bottle", "mug", "plank", "monkey"),
    "training": ("ico", "cylinder", "cone", "torus", "brick", "dumbbell", "capsule"),
}
_ROLLING = {"evaluation": ("ball",), "training": ("ico", "cylinder")}
_TALL = {"evaluation": ("bottle", "plank"), "training": ("cylinder", "dumbbell", "capsule")}
_STACKED = {"evaluation": ("cube",), "training": ("brick", "cylinder")}
_STRIKER = {"evaluation": "hammer", "training": "mallet"}
_TARGET = {"evaluation": "block", "training": "drumblock"}


@dataclass(frozen=True, slots=True)
class Act:
    """How to make an act, how often, and on which grounds."""

    make: Callable[[np.random.Generator, Slot], list[Body]]
    weight: float
    grounds: tuple[str, ...] = ("plane", "room", "table", "tray", "stairs")


def drop(rng: np.random.Generator, slot: Slot) -> list[Body]:
    """Something held in the air, or above the picture, is let go."""
    shape = pick(rng, _LOOSE[slot.collection])
    x = slot.x + float(rng.normal(0, 0.1))
    height = slot.ground.height(x) + float(rng.uniform(0.6, 1.5))
    turn = tuple(rng.uniform(-pi, pi, 3).tolist())
    return [
        still(
            shape,
            pick(rng, MATERIALS),
            pick_size(rng, shape),
            (x, slot.y, height),
            slot.start_s,
            turn,
        )
    ]


def throw(rng: np.random.Generator, slot: Slot) -> list[Body]:
    """Something flies in from one side and comes down in its slot."""
    shape = pick(rng, _LOOSE[slot.collection])
    side = -1.0 if slot.x < 0 else 1.0
    start = np.array([side * slot.far, slot.y + rng.normal(0, 0.1), rng.uniform(0.7, 1.2)])
    flight_s = float(rng.uniform(0.45, 0.65))
    goal = np.array([slot.x, slot.y, slot.ground.height(slot.x) + 0.15])
    velocity = (goal - start) / flight_s
    velocity[2] += 9.81 * flight_s / 2
    size = pick_size(rng, shape)
    start = above_floor(start, velocity, size)
    return [
        handed(
            rng, slot, shape, start, velocity, rng.uniform(-pi, pi, 3), rng.normal(0, 3, 3), size
        )
    ]


def roll(rng: np.random.Generator, slot: Slot) -> list[Body]:
    """Something round rolls in along the floor and meets a block that stands in its way."""
    shape = pick(rng, _ROLLING[slot.collection])
    size = pick_size(rng, shape)
    radius = EXTENTS[shape][0] * size
    side = -1.0 if rng.random() < 0.5 else 1.0
    if slot.ground.kind == "stairs":  # never up the stairs
        side = -1.0 if slot.ground.descends_right else 1.0
    speed = float(rng.uniform(1.5, 3.0))
    x = side * (slot.ground.half_width - 0.1 - radius)
    place = np.array([x, slot.y, slot.ground.height(x) + radius + 0.002])
    long = EXTENTS[shape][2] > EXTENTS[shape][0]
    # A long one lies across its way: turned about x, then spun about y by Euler order XYZ.
    turn = np.array([pi / 2 if long else 0.0, 0.0, 0.0])
    spin = np.array([0.0, -side * speed / radius, 0.0])
    velocity = np.array([-side * speed, 0.0, 0.0])
    bodies = [handed(rng, slot, shape, place, velocity, turn, spin, size)]
    if slot.ground.kind != "stairs":
        stop = still(
            _TARGET[slot.collection],
            pick(rng, SOLIDS),
            float(rng.uniform(0.4, 0.6)),
            (-side * float(rng.uniform(0.1, 0.7)), slot.y, 0.0),
            None,
        )
        bodies.append(standing(stop, slot.ground))
    return bodies


def tip(rng: np.random.Generator, slot: Slot) -> list[Body]:
    """Something tall that stands is tilted over its edge until it falls by itself."""
    shape = pick(rng, _TALL[slot.collection])
    size = float(rng.uniform(0.55, 0.85))
    half = np.asarray(EXTENTS[shape]) * size
    side = -1.0 if slot.x > 0 else 1.0
    tilt_s = float(rng.uniform(0.5, 0.9))
    start = max(slot.start_s, tilt_s + 0.05)
    limit = float(np.arctan2(half[0], half[2])) + 0.12
    floor = slot.ground.height(slot.x)
    angles = limit * (0.5 - 0.5 * np.cos(np.linspace(0, pi, 24)))
    edge = np.array([slot.x + side * half[0], slot.y, floor + 0.004])
    # The centre turns about the edge it stands on.
    places = np.stack(
        [
            edge[0] - side * (half[0] * np.cos(angles) - half[2] * np.sin(angles)),
            np.full(24, slot.y),
            edge[2] + half[0] * np.sin(angles) + half[2] * np.cos(angles),
        ],
        1,
    )
    turns = np.zeros((24, 3))
    turns[:, 1] = side * angles
    times = start - tilt_s + np.linspace(0, tilt_s, 24)
    return [Body(shape, pick(rng, SOLIDS), size, times, places, turns, start)]


def push_off(rng: np.random.Generator, slot: Slot) -> list[Body]:
    """Something on a shelf is pushed, slides to the edge and falls."""
    shape = pick(rng, _LOOSE[slot.collection])
    size = pick_size(rng, shape)
    height = float(rng.uniform(0.35, 0.6))
    wide = float(rng.uniform(0.35, 0.5))
    side = -1.0 if slot.x > 0 else 1.0
    shelf = still(
        "block",
        pick(rng, SOLIDS),
        height / (2 * EXTENTS["block"][2]),
        (slot.x - side * wide / 2, slot.y, 0.0),
        None,
    )
    shelf = standing(shelf, slot.ground)
    top = float(shelf.places[0, 2] + shelf.half[2])
    half = np.asarray(EXTENTS[shape]) * size
    place = np.array([shelf.places[0, 0] + side * 0.05, slot.y, top + half[2] + 0.003])
    velocity = np.array([side * float(rng.uniform(1.3, 2.2)), 0.0, 0.0])
    return [shelf, handed(rng, slot, shape, place, velocity, np.zeros(3), np.zeros(3), size)]


def pendulum(rng: np.random.Generator, slot: Slot) -> list[Body]:
    """A ball on a rod swings into something tall that stands, and knocks it over."""
    target = pick(rng, _TALL[slot.collection])
    tall = still(
        target, pick(rng, SOLIDS), float(rng.uniform(0.6, 0.85)), (slot.x, slot.y, 0.0), 0.0
    )
    tall = standing(tall, slot.ground, 0.002)
    shape = _ROLLING[slot.collection][0]
    size = float(rng.uniform(0.3, 0.4))
    side = -1.0 if slot.x > 0 else 1.0
    length, angle = float(rng.uniform(0.7, 1.1)), float(rng.uniform(0.7, 1.2))
    low = float(tall.places[0, 2] + 0.4 * tall.half[2])
    x = slot.x - side * float(tall.half[0] + size / 2 + 0.01)
    place = (x - side * length * sin(angle), slot.y, low + length - length * cos(angle))
    turn = (0.0, side * angle, 0.0)
    ball = still(shape, pick(rng, SOLIDS), size, place, max(slot.start_s, 0.1), turn)
    return [tall, replace(ball, strikes=True, pivot=(x, slot.y, low + length))]


def stack(rng: np.random.Generator, slot: Slot) -> list[Body]:
    """A ball is thrown at a stack."""
    shape = pick(rng, _STACKED[slot.collection])
    size = float(rng.uniform(0.28, 0.38))
    material = pick(rng, MATERIALS)
    half = EXTENTS[shape][2] * size
    floor = slot.ground.height(slot.x)
    high = int(rng.integers(2, 4)) if half > 0.1 else 4
    bodies = [
        still(
            shape,
            material,
            size,
            (slot.x, slot.y, floor + half * (2 * k + 1) + 0.001 * k),
            0.0,
            (0.0, 0.0, float(rng.normal(0, 0.1))),
        )
        for k in range(high)
    ]
    ball = _ROLLING[slot.collection][0]
    side = -1.0 if slot.x < 0 else 1.0
    start = np.array([side * slot.far, slot.y + rng.normal(0, 0.03), floor + rng.uniform(0.4, 0.8)])
    goal = np.array([slot.x, slot.y, floor + half * (2 * high - 1.2)])
    speed = float(rng.uniform(3.0, 4.5))
    flight_s = float(np.linalg.norm(goal - start)) / speed
    velocity = (goal - start) / flight_s
    velocity[2] += 9.81 * flight_s / 2
    size = float(rng.uniform(0.26, 0.36))
    start = above_floor(start, velocity, size)
    return [*bodies, handed(rng, slot, ball, start, velocity, np.zeros(3), np.zeros(3), size)]


def hammer(rng: np.random.Generator, slot: Slot) -> list[Body]:
    """A hammer, moved by keys, strikes a block several times."""
    block = still(
        _TARGET[slot.collection],
        pick(rng, MATERIALS),
        float(rng.uniform(0.45, 0.65)),
        (slot.x, slot.y, 0.0),
        None,
    )
    block = standing(block, slot.ground)
    shape = _STRIKER[slot.collection]
    size = float(rng.uniform(0.9, 1.3))
    top = float(block.places[0, 2] + block.half[2])
    side = -1.0 if rng.random() < 0.5 else 1.0
    reach = 0.55 * size
    times, turn = _strokes(rng, slot)
    pivot = np.array([slot.x + side * reach, slot.y, top + EXTENTS[shape][2] * size])
    places = np.stack(
        [
            pivot[0] - side * reach * np.cos(turn),
            np.full(len(turn), slot.y),
            pivot[2] + reach * np.sin(turn),
        ],
        1,
    )
    # The handle points along local x, to the pivot; from the other side all is turned by half.
    half_turn = np.full_like(turn, 0.0 if side > 0 else pi)
    turns = np.stack([np.zeros_like(turn), turn, half_turn], 1)
    return [
        block,
        Body(shape, "metal", size, times, places, turns, None, strikes=True),
    ]


def _strokes(
    rng: np.random.Generator, slot: Slot
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keys of a hammer's angle: times, and radians above the block, 0 at a stroke."""
    lifted, period_s = float(rng.uniform(0.8, 1.3)), float(rng.uniform(0.45, 1.1))
    times, angles = [np.zeros(1)], [np.full(1, lifted)]
    when = max(slot.start_s, 0.4)
    grid = np.linspace(0, 1, 20)
    for _ in range(int(rng.integers(2, 6))):
        strong = float(rng.uniform(0.5, 1.0))
        down_s = min(0.16 / sqrt(strong), period_s * 0.4)
        if when + 0.3 > slot.duration_s:
            break
        lift_from = max(float(times[-1][-1]), when - period_s * 0.95)
        eased = 3 * grid**2 - 2 * grid**3
        low, high = float(angles[-1][-1]), lifted * strong
        times.append((lift_from + (when - down_s - lift_from) * grid)[1:])
        angles.append((low + (high - low) * eased)[1:])
        times.append((when - down_s + down_s * grid)[1:])
        angles.append((high * (1 - grid**2))[1:])  # arrives fast
        when += period_s * float(rng.uniform(0.9, 1.15))
    return np.concatenate(times), np.concatenate(angles)


ACTS: dict[str, Act] = {
    "drop": Act(drop, 0.28),
    "throw": Act(throw, 0.18),
    "roll": Act(roll, 0.12),
    "tip": Act(tip, 0.1),
    "push": Act(push_off, 0.12, ("plane", "room", "table", "tray")),
    "pendulum": Act(pendulum, 0.09),
    "stack": Act(stack, 0.12, ("plane", "room", "table", "tray")),
    "hammer": Act(hammer, 0.12),
}
