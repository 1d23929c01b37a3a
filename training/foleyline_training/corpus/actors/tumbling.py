"""Loose bodies under the laws of mechanics: dropped, thrown, knocked over, shut in a box.

The impacts come from the solver (`physics`); those too soft to hear are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np

from ..canvas import Canvas, box_points
from ..materials import Material
from ..motion import Impact, Sustain
from ..paint import Paint, paint_ball, paint_block
from ..physics import Body, Point, Recording, Touch, simulate
from .place import NEUTRAL_DARK, Place, between
from .shapes import paint_polygon, pebble

_FASTEST = 2.4
_LEAST = 0.16  # of a jump in speed, stage units per second
_KEPT = 0.12
_TOGETHER_S = 0.02
_STANDING = (122, 112, 104)
Walls = list[tuple[Point, Point]]


@dataclass(frozen=True, slots=True)
class Tumbling:
    """`bodies` in motion as `recording` tells; `shown` are walls, lines from start to end.

    `blocks` are solid and stand still: (middle, half sizes).
    """

    paint: Paint
    bodies: tuple[Body, ...]
    shown: tuple[tuple[Point, Point], ...]
    recording: Recording
    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()
    blocks: tuple[tuple[Point, Point], ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the walls and the bodies."""
        for middle, half in self.blocks:
            canvas.polygon(box_points(*half) + middle, _STANDING)
        for start, end in self.shown:
            canvas.stroke(start, end, 0.03, NEUTRAL_DARK)
        for number, body in enumerate(self.bodies):
            if time_s < body.release_s - 1.0 / 30 and body.speed_x:
                continue
            x, y, angle = self.recording.pose(number, time_s)
            draw_body(canvas, self.paint, body, (x, y), angle)


def draw_body(
    canvas: Canvas, paint: Paint, body: Body, centre: tuple[float, float], angle: float
) -> None:
    """Draw a ball, block or polygon."""
    if not body.corners:
        paint_ball(canvas, paint, centre, body.radius, angle)
        return
    outline = np.array(body.corners)
    half_width, half_height = (np.ptp(outline, axis=0) / 2).tolist()
    if len(body.corners) == 4 and np.allclose(np.abs(outline), (half_width, half_height)):
        paint_block(canvas, paint, centre, half_width, half_height, angle)
    else:
        paint_polygon(canvas, paint, outline, centre, angle)


def make_tumbling(
    rng: np.random.Generator, place: Place, material: Material, paint: Paint
) -> Tumbling:
    """Invent bodies in `place` and what becomes of them."""
    kinds = ("drop", "throw", "stack", "box") if place.width > 0.8 else ("drop", "box", "drop")
    kind = kinds[int(rng.integers(len(kinds)))]
    kept = between(rng, *material.restitution)
    # Bodies keep the product of both partners' share; walls keep all.
    bounce = min(0.85, kept)
    if kind == "drop":
        bodies, walls, shown = _dropped(rng, place, bounce)
    elif kind == "throw":
        bodies, walls, shown = _thrown(rng, place, bounce)
    elif kind == "stack":
        bodies, walls, shown = _stacked(rng, place, bounce * 0.6)
    else:
        bodies, walls, shown = _boxed(rng, place, min(0.85, bounce + 0.15))
    gravity = between(rng, 2.4, 4.2)
    return tumbled(place, paint, bodies, walls, shown, gravity=gravity)


def tumbled(
    place: Place, paint: Paint, bodies: list[Body], walls: Walls, shown: Walls, *, gravity: float
) -> Tumbling:
    """Run the bodies through `place.duration_s` seconds; the strongest of close impacts count."""
    recording = simulate(
        bodies, walls, gravity=gravity, duration_s=place.duration_s + 0.05, least_speed=_LEAST
    )
    impacts = _heard(recording.touches)
    return Tumbling(paint, tuple(bodies), tuple(shown), recording, impacts)


def _heard(touches: tuple[Touch, ...]) -> tuple[Impact, ...]:
    """Of touches at nearly the same time the strongest is heard; two that collide are one."""
    kept: list[Touch] = []
    for touch in sorted(touches, key=lambda one: (-one.speed, one.time_s, one.body)):
        loud = touch.speed / _FASTEST > _KEPT and touch.y > 0
        if loud and all(abs(touch.time_s - one.time_s) > _TOGETHER_S for one in kept):
            kept.append(touch)
    return tuple(
        Impact(one.time_s, min(1.0, max(0.04, one.speed / _FASTEST)), one.x)
        for one in sorted(kept, key=lambda one: one.time_s)
    )


def any_body(
    rng: np.random.Generator,
    radius: float,
    at: Point,
    restitution: float,
    *,
    speed: Point = (0.0, 0.0),
    release_s: float = 0.0,
) -> Body:
    """Invent a ball, box or stone of about `radius` at `at`."""
    kind = rng.random()
    corners: tuple[Point, ...] = ()
    if kind < 0.3:
        outline = box_points(radius * between(rng, 0.6, 0.95), radius * between(rng, 0.5, 0.9))
        corners = tuple((x, y) for x, y in outline.tolist())
    elif kind < 0.5:
        outline = pebble(rng, int(rng.integers(5, 8))) * radius
        corners = tuple((x, y) for x, y in outline.tolist())
    return Body(
        radius,
        *at,
        restitution,
        corners,
        angle=between(rng, 0, 2 * pi),
        speed_x=speed[0],
        speed_y=speed[1],
        spin=between(rng, -4, 4),
        release_s=release_s,
    )


def _floor(place: Place) -> tuple[Point, Point]:
    return (-9.0, place.floor), (9.0, place.floor)


def _fences(place: Place, top: float) -> Walls:
    return [((x, top), (x, place.floor)) for x in (place.left, place.right)]


def _dropped(
    rng: np.random.Generator, place: Place, kept: float
) -> tuple[list[Body], Walls, Walls]:
    """A few fall in from above the picture, one after the other."""
    bodies: list[Body] = []
    time_s = place.wait_s(rng, 0.1, 1.0)
    size = min(between(rng, 0.07, 0.14), place.width / 6)
    reach = place.width / 2 - 1.5 * size
    while time_s < place.duration_s and len(bodies) < 4:
        radius = size * between(rng, 0.8, 1.25)
        at = (place.middle + between(rng, -1, 1) * reach, -2 * radius - 0.05)
        bodies.append(any_body(rng, radius, at, kept, release_s=time_s))
        if rng.random() < 0.75:
            time_s += place.wait_s(rng, 1.2, 3.2)
        else:
            time_s += between(rng, 0.14, 0.3)
    walls = _fences(place, place.floor - 0.25)
    return bodies, [_floor(place), *[((x, -9.0), end) for (x, _), end in walls]], walls


def _thrown(rng: np.random.Generator, place: Place, kept: float) -> tuple[list[Body], Walls, Walls]:
    """Things fly in from one side and strike the wall at the other."""
    side = 1 if rng.random() < 0.5 else -1
    wall_x = place.right if side > 0 else place.left
    bodies: list[Body] = []
    time_s = place.wait_s(rng, 0.1, 1.0)
    while time_s < place.duration_s and len(bodies) < 4:
        radius = between(rng, 0.06, 0.12)
        at = ((place.left if side > 0 else place.right) - side * 0.05, between(rng, 0.15, 0.5))
        speed = (side * between(rng, 0.6, 1.6), between(rng, -0.8, 0.2))
        bodies.append(any_body(rng, radius, at, kept, speed=speed, release_s=time_s))
        time_s += place.wait_s(rng, 1.3, 3.4)
    shown = [((wall_x, place.floor - 0.6), (wall_x, place.floor))]
    return bodies, [_floor(place), ((wall_x, -9.0), (wall_x, place.floor))], shown


def _stacked(
    rng: np.random.Generator, place: Place, kept: float
) -> tuple[list[Body], Walls, Walls]:
    """A tower of blocks, and balls that are rolled or thrown at it."""
    side = 1 if rng.random() < 0.5 else -1
    half_width, half_height = between(rng, 0.06, 0.1), between(rng, 0.05, 0.08)
    x = place.middle + side * place.width * 0.1
    corners = tuple((a, b) for a, b in box_points(half_width, half_height).tolist())
    radius = float(np.hypot(half_width, half_height))
    bodies = [
        Body(radius, x, place.floor - half_height * (2 * k + 1), kept * 0.5, corners, friction=0.8)
        for k in range(int(rng.integers(3, 6)))
    ]
    time_s = place.wait_s(rng, 0.4, 1.6)
    while time_s < place.duration_s and len(bodies) < 8:
        ball = between(rng, 0.05, 0.09)
        at = (
            (place.left if side > 0 else place.right) - side * 0.05,
            place.floor - ball - between(rng, 0.0, 0.3),
        )
        speed = (side * between(rng, 1.0, 2.0), between(rng, -0.5, 0.0))
        bodies.append(
            Body(ball, *at, kept, speed_x=speed[0], speed_y=speed[1], density=2.0, release_s=time_s)
        )
        time_s += place.wait_s(rng, 1.5, 3.0)
    wall_x = place.right if side > 0 else place.left
    shown = [((wall_x, place.floor - 0.5), (wall_x, place.floor))]
    return bodies, [_floor(place), ((wall_x, -9.0), (wall_x, place.floor))], shown


def _boxed(rng: np.random.Generator, place: Place, kept: float) -> tuple[list[Body], Walls, Walls]:
    """One or two balls bounce about in a box; now and then another one comes in."""
    half = min(place.width / 2 - 0.03, between(rng, 0.3, 0.55))
    left, right, top = (
        place.middle - half,
        place.middle + half,
        place.floor - between(rng, 0.5, 0.7),
    )
    bodies: list[Body] = []
    time_s = between(rng, 0.05, 0.5)
    while time_s < place.duration_s and len(bodies) < 2:
        radius = between(rng, 0.06, 0.1)
        at = (between(rng, left + 0.12, right - 0.12), top + 0.13)
        speed = (between(rng, 0.5, 1.5) * (1 if rng.random() < 0.5 else -1), between(rng, -1, 0.8))
        bodies.append(
            Body(
                radius, *at, kept, speed_x=speed[0], speed_y=speed[1], friction=0.1,
                release_s=time_s,
            )
        )  # fmt: skip
        time_s += between(rng, 2.0, 4.0)
    walls: Walls = [
        ((left, place.floor), (right, place.floor)),
        ((left, top), (right, top)),
        ((left, top), (left, place.floor)),
        ((right, top), (right, place.floor)),
    ]
    return bodies, walls, walls
