"""Rigid bodies in the plane, solved by Chipmunk (pymunk) a thousand times a second.

Lengths are in stage units, y points down. An impact is a step in which a body's velocity jumps:
this also finds the second corner of a box that comes to lie flat, which no contact callback
tells. Not here: what the bodies look like.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import pymunk
import pymunk.batch
from numpy.typing import NDArray

STEPS_PER_S = 1000
"""Steps of the solver in a second: a contact is at most this exact."""

_SCALE = 1000.0  # Chipmunk's tolerances are made for lengths of tens to hundreds
_ITERATIONS = 12
_ECHO_STEPS = 30
_STILL = 0.012  # stage units per second

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Body:
    """A ball of `radius`, or, with `corners` about its centre, a convex polygon inside it.

    It appears at (`x`, `y`), turned by `angle` radians, moving at (`speed_x`, `speed_y`) stage
    units and `spin` radians per second, and hangs still until `release_s`. `gone_s` seconds
    after its release it is taken out. `restitution` and `friction` are products with the
    partner's: 1 keeps all speed.
    """

    radius: float
    x: float
    y: float
    restitution: float
    corners: tuple[Point, ...] = ()
    angle: float = 0.0
    speed_x: float = 0.0
    speed_y: float = 0.0
    spin: float = 0.0
    friction: float = 0.7
    density: float = 1.0
    release_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Touch:
    """A jump of a body's velocity by `speed` stage units per second at `time_s`."""

    time_s: float
    body: int
    speed: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Recording:
    """What happened: `states` float32 (steps + 1, bodies, 3) holds x, y and angle.

    `energies` (steps + 1,) is kinetic plus potential energy of all released bodies, in units of
    density times stage units to the fourth per second squared. Touches are sorted by time.
    """

    states: NDArray[np.float32]
    energies: NDArray[np.float64]
    touches: tuple[Touch, ...]

    def pose(self, body: int, time_s: float) -> tuple[float, float, float]:
        """Return x, y and angle of `body` at `time_s`, between two steps linearly."""
        at = min(max(time_s * STEPS_PER_S, 0.0), self.states.shape[0] - 1.0)
        step = min(int(at), self.states.shape[0] - 2)
        before, after = self.states[step, body], self.states[step + 1, body]
        x, y, angle = (before + (after - before) * (at - step)).tolist()
        return x, y, angle


def simulate(
    bodies: list[Body],
    walls: list[tuple[Point, Point]],
    *,
    gravity: float,
    duration_s: float,
    least_speed: float = 0.1,
    collide: bool = True,
) -> Recording:
    """Let `bodies` move for `duration_s` seconds among standing `walls` (segments).

    A jump of velocity below `least_speed` stage units per second is no touch. Bodies pass
    through each other without `collide`.
    """
    space = pymunk.Space()
    space.gravity = (0.0, gravity * _SCALE)
    space.iterations = _ITERATIONS
    for start, end in walls:
        wall = pymunk.Segment(space.static_body, _scaled(start), _scaled(end), 0.0)
        wall.elasticity, wall.friction = 1.0, 1.0
        space.add(wall)
    solids = [_solid(body, collide) for body in bodies]
    steps = round(duration_s * STEPS_PER_S)
    states = np.empty((steps + 1, len(bodies), 6))
    first = [(b.x, b.y, b.angle, b.speed_x, b.speed_y, b.spin) for b in bodies]
    states[:] = np.array(first).reshape(-1, 6)
    _run(space, bodies, solids, states)
    weights = np.array([(m.mass, m.moment / _SCALE**2) for m, _ in solids]) / _SCALE**2
    touches = _touches(bodies, states, gravity, least_speed)
    return Recording(
        states[:, :, :3].astype(np.float32),
        _energies(bodies, states, weights.reshape(-1, 2), gravity),
        touches,
    )


def _scaled(point: Point) -> Point:
    return point[0] * _SCALE, point[1] * _SCALE


_Solid = tuple[pymunk.Body, pymunk.Circle | pymunk.Poly]


def _solid(body: Body, collide: bool) -> _Solid:
    """Make Chipmunk's body and its shape; the mass comes from area and density."""
    moving = pymunk.Body()
    moving.position = _scaled((body.x, body.y))
    moving.angle = body.angle
    moving.velocity = _scaled((body.speed_x, body.speed_y))
    moving.angular_velocity = body.spin
    if body.corners:
        shape = pymunk.Poly(moving, [_scaled(corner) for corner in body.corners])
    else:
        shape = pymunk.Circle(moving, body.radius * _SCALE)
    shape.density = body.density
    shape.elasticity, shape.friction = body.restitution, body.friction
    if not collide:
        shape.filter = pymunk.ShapeFilter(group=1)
    return moving, shape


def _run(
    space: pymunk.Space,
    bodies: list[Body],
    solids: list[_Solid],
    states: NDArray[np.float64],
) -> None:
    """Step the space through `states` (steps + 1, bodies, 6), filling it."""
    fields = (
        pymunk.batch.BodyFields.POSITION
        | pymunk.batch.BodyFields.ANGLE
        | pymunk.batch.BodyFields.VELOCITY
        | pymunk.batch.BodyFields.ANGULAR_VELOCITY
    )
    unit = np.array([1 / _SCALE, 1 / _SCALE, 1.0, 1 / _SCALE, 1 / _SCALE, 1.0])
    last = states.shape[0] - 1
    starts = [max(0, ceil(body.release_s * STEPS_PER_S)) for body in bodies]
    # Chipmunk lists bodies as they were added (none is removed or sleeps), standing ones last.
    order: list[int] = []
    for first in sorted({start for start in starts if start < last}):
        for number, start in enumerate(starts):
            if start == first:
                order.append(number)
                space.add(*solids[number])
        end = min([start for start in starts if start > first] + [last])
        buffer = pymunk.batch.Buffer()
        for _ in range(end - first):
            space.step(1 / STEPS_PER_S)
            pymunk.batch.get_space_bodies(space, fields, buffer)
        found = np.frombuffer(buffer.float_buf(), dtype=np.float64)
        found = found.reshape(end - first, -1, 6)[:, : len(order)] * unit
        states[first + 1 : end + 1, order] = found


def _touches(
    bodies: list[Body], states: NDArray[np.float64], gravity: float, least_speed: float
) -> tuple[Touch, ...]:
    """Find the steps in which a velocity jumps; of a body's jumps within 30 ms, the first.

    The speed told is the greatest of those 30 ms. A turn counts as the speed of the rim.
    """
    found: list[Touch] = []
    for number, body in enumerate(bodies):
        velocity = states[:, number, 3:]
        jump = np.diff(velocity, axis=0) - (0.0, gravity / STEPS_PER_S, 0.0)
        first = max(1, round(body.release_s * STEPS_PER_S) + 1)
        size = np.hypot(jump[:, 0], jump[:, 1])
        size = np.maximum(size, np.abs(jump[:, 2]) * body.radius * 0.5)
        size[:first] = 0.0
        latest = -_ECHO_STEPS
        for step in np.flatnonzero(size > least_speed).tolist():
            if step - latest < _ECHO_STEPS:
                continue
            latest = step
            speed = float(size[step : step + _ECHO_STEPS].max())
            x, y = states[step + 1, number, :2].tolist()
            found.append(Touch((step + 1) / STEPS_PER_S, number, speed, x, y))
    return tuple(sorted(found, key=lambda touch: (touch.time_s, touch.body)))


def _energies(
    bodies: list[Body],
    states: NDArray[np.float64],
    weights: NDArray[np.float64],
    gravity: float,
) -> NDArray[np.float64]:
    """Return the energy of all bodies at each step; one not yet released has its first."""
    mass, moment = weights[:, 0], weights[:, 1]
    speeds = (states[:, :, 3:5] ** 2).sum(axis=2)
    energy = mass * (speeds / 2 - gravity * states[:, :, 1])
    return (energy + moment * states[:, :, 5] ** 2 / 2).sum(axis=1)
