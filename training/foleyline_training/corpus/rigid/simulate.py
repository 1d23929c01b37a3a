"""A plan put into Blender's rigid-body world, stepped, and keyed as it moved.

Runs inside Blender. The world is stepped at STEPS_A_SECOND states a second, each of SUBSTEPS
solver steps; every state is kept. Afterwards the solver is taken away and the bodies get keys
at source frames, so that any frame can be rendered at once, with motion blur.
"""

# The stubs hold every pointer of Blender for empty and every node socket for the plainest.
# pyright: reportOptionalMemberAccess=false, reportAttributeAccessIssue=false
from __future__ import annotations

from math import ceil

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector
from numpy.typing import NDArray

from .bodies import DENSITY, RESTITUTION, Body, Ground
from .plan import Plan
from .shapes import COLLISION, make_mesh

STEPS_A_SECOND = 250
SUBSTEPS = 4
_MARGIN = 0.001
_DAMPING = (0.02, 0.12)


def clear() -> bpy.types.Scene:
    """Empty Blender; return its scene with a rigid-body world."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = STEPS_A_SECOND
    bpy.ops.rigidbody.world_add()
    world = scene.rigidbody_world
    world.collection = bpy.data.collections.new("bodies")
    world.constraints = bpy.data.collections.new("hinges")
    world.substeps_per_frame, world.solver_iterations = SUBSTEPS, 20
    return scene


def add_object(
    name: str, mesh: bpy.types.Mesh, place: Vector | tuple = (0, 0, 0)
) -> bpy.types.Object:
    """Put a mesh into the scene."""
    thing = bpy.data.objects.new(name, mesh)
    thing.location = place
    bpy.context.scene.collection.objects.link(thing)
    return thing


def box(name: str, low: tuple, high: tuple) -> bpy.types.Object:
    """A box from corner to corner that never moves, for the solver, too."""
    mesh = make_mesh("cube", 1.0)
    middle = (Vector(low) + Vector(high)) / 2
    mesh.transform(Matrix.Diagonal((*(Vector(high) - Vector(low)), 1.0)))
    thing = add_object(name, mesh, middle)
    _make_rigid(thing, "PASSIVE", "BOX", restitution=1.0)
    return thing


def _make_rigid(thing: bpy.types.Object, kind: str, shape: str, restitution: float) -> None:
    bpy.context.scene.rigidbody_world.collection.objects.link(thing)
    rigid = thing.rigid_body
    rigid.type, rigid.collision_shape = kind, shape
    rigid.restitution, rigid.friction = restitution, 0.55
    rigid.use_margin, rigid.collision_margin = True, _MARGIN
    rigid.linear_damping, rigid.angular_damping = _DAMPING
    rigid.use_deactivation = False


def build_ground(ground: Ground) -> list[bpy.types.Object]:
    """Make the floor and what stands around it: boxes."""
    wide, deep = ground.half_width, ground.wall_y
    parts: list[bpy.types.Object] = []
    if ground.kind == "table":
        parts.append(box("top", (-wide, -0.7, -0.12), (wide, 0.7, 0.0)))
        parts.append(box("below", (-8, -8, -1.4), (8, 8, -1.2)))
    else:
        parts.append(box("floor", (-8, -8, -0.3), (8, 8, 0.0)))
    if ground.kind == "room":
        parts.append(box("back", (-8, deep, 0.0), (8, deep + 0.2, 4.0)))
        parts.append(box("left", (-wide - 0.3, -0.6, 0.0), (-wide - 0.1, deep, 4.0)))
        parts.append(box("right", (wide + 0.1, -0.6, 0.0), (wide + 0.3, deep, 4.0)))
    if ground.kind == "tray":
        for name, x in (("left", -wide - 0.06), ("right", wide)):
            parts.append(box(name, (x, -0.8, 0.0), (x + 0.06, 0.8, 0.22)))
        for name, y in (("front", -0.8), ("back", 0.74)):
            parts.append(box(name, (-wide, y, 0.0), (wide, y + 0.06, 0.1)))
    if ground.kind == "stairs":
        edges = np.linspace(-wide, wide, ground.steps + 1)
        for k in range(ground.steps):
            height = ground.height(float(edges[k] + edges[k + 1]) / 2)
            if height:
                parts.append(box(f"step{k}", (edges[k], -0.7, 0.0), (edges[k + 1], 0.9, height)))
    return parts


def build_body(body: Body, number: int) -> bpy.types.Object:
    """Make a body, with its keys until it is let go."""
    thing = add_object(f"body{number}", make_mesh(body.shape, body.size))
    thing.rotation_mode = "QUATERNION"
    held = body.release_s is None or body.release_s > 0
    fixed = body.release_s is None and len(body.times_s) == 1
    shape = COLLISION.get(body.shape, "CONVEX_HULL")
    _make_rigid(thing, "PASSIVE" if fixed else "ACTIVE", shape, RESTITUTION[body.material])
    if fixed:
        thing.rigid_body.restitution = 1.0
    thing.rigid_body.mass = DENSITY[body.material] * body.size**3 * 30
    turns = np.array([Euler(turn, "XYZ").to_quaternion() for turn in body.turns])
    thing.location, thing.rotation_quaternion = body.places[0], turns[0]
    if not held or fixed:
        return thing
    thing.rigid_body.kinematic = True
    frames = body.times_s * STEPS_A_SECOND + 1
    bag = key_curves(thing)
    key_motion(bag, frames, body.places, _continuous(turns))
    if body.release_s is not None:
        last = round(body.release_s * STEPS_A_SECOND) + 1
        curve = bag.new("rigid_body.kinematic")
        curve.keyframe_points.add(2)
        curve.keyframe_points.foreach_set("co", [1, 1, last, 0])
        for point in curve.keyframe_points:
            point.interpolation = "CONSTANT"
    if body.pivot is not None:
        _hang(thing, body.pivot)
    return thing


def _hang(thing: bpy.types.Object, pivot: tuple[float, float, float]) -> None:
    """Let the body swing about the y axis through `pivot`."""
    anchor = add_object("anchor", make_mesh("cube", 0.05), pivot)
    _make_rigid(anchor, "PASSIVE", "BOX", 0.0)
    # Nothing bumps into the anchor: it lives in a collision layer of its own.
    anchor.rigid_body.collision_collections = [False] * 19 + [True]
    hinge = bpy.data.objects.new("hinge", None)
    hinge.location = pivot
    hinge.rotation_euler = (np.pi / 2, 0, 0)
    scene = bpy.context.scene
    scene.collection.objects.link(hinge)
    scene.rigidbody_world.constraints.objects.link(hinge)
    with bpy.context.temp_override(object=hinge, active_object=hinge, selected_objects=[hinge]):
        if hinge.rigid_body_constraint is None:
            bpy.ops.rigidbody.constraint_add(type="HINGE")
    joint = hinge.rigid_body_constraint
    joint.type, joint.object1, joint.object2 = "HINGE", thing, anchor
    rod = make_mesh("cube", 1.0)
    length = (Vector(pivot) - thing.location).length
    rod.transform(Matrix.Translation((0, 0, length / 2)) @ Matrix.Diagonal((0.03, 0.03, length, 1)))
    shown = add_object("rod", rod)
    shown.parent = thing


def _continuous(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Flip the signs of quaternions (n, 4) so that neighbours are near each other."""
    flips = np.where((turns[1:] * turns[:-1]).sum(1) < 0, -1.0, 1.0)
    return turns * np.concatenate([[1.0], np.cumprod(flips)])[:, None]


def key_curves(thing: bpy.types.Object) -> bpy.types.ActionFCurves:
    """Give the object a new action; return its curves."""
    action = bpy.data.actions.new(thing.name)
    slot = action.slots.new("OBJECT", thing.name)
    animation = thing.animation_data_create()
    animation.action, animation.action_slot = action, slot
    strip = action.layers.new("keys").strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True).fcurves


def key_motion(
    bag: bpy.types.ActionFCurves,
    frames: NDArray[np.float64],
    places: NDArray[np.float64],
    turns: NDArray[np.float64],
) -> None:
    """Key location (n, 3) and rotation (n, 4) at `frames` (n,), linear in between."""
    for path, values in (("location", places), ("rotation_quaternion", turns)):
        for axis in range(values.shape[1]):
            curve = bag.new(path, index=axis)
            curve.keyframe_points.add(len(frames))
            pairs = np.stack([frames, values[:, axis]], 1).ravel()
            curve.keyframe_points.foreach_set("co", pairs)
            curve.keyframe_points.foreach_set("interpolation", [1] * len(frames))
            curve.update()


def run(
    plan: Plan, things: list[bpy.types.Object]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Step the world; return places (bodies, steps, 3) and turns (bodies, steps, 4)."""
    scene = bpy.context.scene
    steps = ceil(plan.duration_s * STEPS_A_SECOND) + 1
    scene.frame_start, scene.frame_end = 1, steps
    cache = scene.rigidbody_world.point_cache
    cache.frame_start, cache.frame_end = 1, steps + 1
    places, turns = np.empty((len(things), steps, 3)), np.empty((len(things), steps, 4))
    for step in range(steps):
        scene.frame_set(step + 1)
        for number, thing in enumerate(things):
            place, turn, _ = thing.matrix_world.decompose()
            places[number, step], turns[number, step] = place[:], turn[:]
    return places, np.stack([_continuous(turn) for turn in turns])


def replay(
    things: list[bpy.types.Object],
    places: NDArray[np.float64],
    turns: NDArray[np.float64],
    source_fps: float,
) -> None:
    """Take the solver away and key the bodies at source frames (0 is the start)."""
    scene = bpy.context.scene
    bpy.ops.rigidbody.world_remove()
    scene.render.fps = max(1, round(source_fps))
    frames = np.arange(places.shape[1]) * (source_fps / STEPS_A_SECOND)
    for number, thing in enumerate(things):
        moved = np.ptp(places[number], axis=0).max() + np.ptp(turns[number], axis=0).max() > 1e-6
        if thing.animation_data:
            thing.animation_data_clear()
        thing.location, thing.rotation_quaternion = places[number, 0], turns[number, 0]
        if moved:
            key_motion(key_curves(thing), frames, places[number], turns[number])
