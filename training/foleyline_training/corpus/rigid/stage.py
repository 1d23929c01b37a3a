"""The program that runs inside Blender: one line of JSON in for each scene, one out.

In: seed, collection, duration_s, source_fps, frames (source frames to render), size_px,
samples, folder (frames go there as 00000.png …), gap_s, least_contacts. Out: contacts (time_s,
material, strength, x, actor), acts, shapes; or `refused` with the reason. Started by `blender`
as `python -m foleyline_training.corpus.rigid.stage` with the Python that has bpy.
"""

# The stubs hold every pointer of Blender for empty and every node socket for the plainest.
# pyright: reportOptionalMemberAccess=false, reportAttributeAccessIssue=false
from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from numpy.typing import NDArray

from .contacts import GRAVITY, Jump, find_jumps, strongest
from .looks import add_camera, dress, set_render
from .plan import Plan, make_plan, plan_rng
from .simulate import STEPS_A_SECOND, build_body, build_ground, clear, replay, run

_LET_GO_S = 0.02
_EDGE_S = 0.02
_MOST_VERTICES = 200
_STILL_M = 1e-3  # a fortieth of a pixel


def main() -> None:
    """Answer lines from stdin until it ends."""
    # Blender writes to stdout, too; the answers keep the real one for themselves.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    answers.write(json.dumps({"blender": bpy.app.version_string}) + "\n")
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(make_scene(json.loads(line))) + "\n")
        answers.flush()


def make_scene(order: dict[str, Any]) -> dict[str, Any]:
    """Simulate the scene that is ordered, and render it if enough can be seen to touch."""
    plan = make_plan(order["seed"], order["collection"], order["duration_s"])
    clear()
    ground = build_ground(plan.ground)
    things = [build_body(body, number) for number, body in enumerate(plan.bodies)]
    places, turns = run(plan, things)
    if not np.isfinite(places).all():
        return {"refused": "the solver lost a body"}
    jumps = strongest(_jumps(plan, places, turns), order["gap_s"])
    replay(things, places, turns, order["source_fps"])
    add_camera(plan, order["source_fps"])
    contacts = [
        contact
        for jump in jumps
        if (contact := _seen(plan, jump, ground, things, order["source_fps"])) is not None
    ]
    if len(contacts) < order["least_contacts"]:
        return {"refused": f"{len(contacts)} contacts are seen"}
    dress(plan_rng(plan.seed, plan.collection, 1), plan, ground, things)
    set_render(plan, order["size_px"], order["samples"])
    _render(plan, order, places, turns)
    shapes = [body.shape for body in plan.bodies]
    return {
        "contacts": contacts,
        "acts": list(plan.acts),
        "shapes": shapes,
        "ground": plan.ground.kind,
    }


def _render(
    plan: Plan, order: dict[str, Any], places: NDArray[np.float64], turns: NDArray[np.float64]
) -> None:
    """Render the frames ordered; one in which nothing has moved is a copy of the one before."""
    scene = bpy.context.scene
    states = np.concatenate([places, turns], 2)
    shown, before = None, Path()
    for frame in order["frames"]:
        step = round(frame / order["source_fps"] * STEPS_A_SECOND)
        state = states[:, min(step, states.shape[1] - 1)]
        path = Path(order["folder"]) / f"{frame:05d}.png"
        still = not plan.camera.orbit and not plan.camera.shake
        if still and shown is not None and np.abs(state - shown).max() < _STILL_M:
            path.hardlink_to(before)
            continue
        scene.frame_set(frame)
        scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        shown, before = state, path


def _jumps(plan: Plan, places: NDArray[np.float64], turns: NDArray[np.float64]) -> list[Jump]:
    """The impacts of all bodies, but those too near the ends of the scene to be heard."""
    found: list[Jump] = []
    for number, body in enumerate(plan.bodies):
        keyed = body.release_s is None
        found += find_jumps(
            places[number],
            turns[number],
            1 / STEPS_A_SECOND,
            gyration=float(np.linalg.norm(body.half)) / 2,
            body=number,
            gravity=(0.0, 0.0, 0.0) if keyed else GRAVITY,
            from_s=body.release_s + _LET_GO_S if body.release_s else 0.0,
        )
    return [jump for jump in found if _EDGE_S <= jump.time_s < plan.duration_s - _EDGE_S]


def _seen(
    plan: Plan,
    jump: Jump,
    ground: list[bpy.types.Object],
    things: list[bpy.types.Object],
    source_fps: float,
) -> dict[str, Any] | None:
    """The contact of an impact as the corpus has it, or None if the picture does not show it."""
    scene = bpy.context.scene
    frame = jump.time_s * source_fps
    scene.frame_set(int(frame), subframe=frame % 1)
    thing, body = things[jump.body], plan.bodies[jump.body]
    middle = thing.matrix_world.translation
    view = world_to_camera_view(scene, scene.camera, middle)
    if not (0 < view.x < 1 and 0 < view.y < 1 and view.z > 0):
        return None
    eye = scene.camera.matrix_world.translation
    way = middle - eye
    graph = bpy.context.evaluated_depsgraph_get()
    hit, _, _, _, first, _ = scene.ray_cast(graph, eye, way.normalized(), distance=way.length)
    if hit and first is not None and first.name != thing.name:
        return None
    others = [other for other in (*ground, *things) if other is not thing]
    struck = min(others, key=lambda other: _distance(thing, other))
    actor = jump.body
    if body.strikes and struck in things:
        actor = things.index(struck)
    return {
        "time_s": round(jump.time_s, 5),
        "material": plan.bodies[actor].material,
        "strength": round(jump.strength, 4),
        "x": round(min(max(view.x, 0.0), 1.0), 4),
        "actor": actor,
        "with": struck.name if struck not in things else plan.bodies[things.index(struck)].shape,
    }


def _distance(thing: bpy.types.Object, other: bpy.types.Object) -> float:
    """The least distance from the corners of one to the surface of the other, metres."""
    corners = list(thing.data.vertices)
    into = other.matrix_world.inverted() @ thing.matrix_world
    nearest = float("inf")
    for corner in corners[:: max(1, len(corners) // _MOST_VERTICES)]:
        point = into @ corner.co
        found, closest, _, _ = other.closest_point_on_mesh(point)
        if found:
            nearest = min(nearest, (closest - point).length)
    return nearest


if __name__ == "__main__":
    main()
