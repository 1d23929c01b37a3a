"""Meshes of the bodies, made inside Blender; each fills the extents that `acts` says."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

import bmesh
import bpy
import numpy as np
from mathutils import Matrix

from .bodies import EXTENTS

COLLISION = {
    "ball": "SPHERE",
    "ico": "SPHERE",
    "cube": "BOX",
    "brick": "BOX",
    "plank": "BOX",
    "block": "BOX",
    "cylinder": "CYLINDER",
    "cone": "CONE",
}
"""Collision shapes of the solver; the others are the hull of their mesh."""

_FLAT = ("cube", "brick", "plank", "block", "ico")


def make_mesh(shape: str, size: float) -> bpy.types.Mesh:
    """Return the mesh of `shape`, `size` metres, its origin in the middle of its bounds."""
    mesh = bpy.data.meshes.new(shape)
    maker = _MAKERS.get(shape)
    shell = bmesh.new()
    if maker is None:
        mesh.from_pydata(*_torus(1.0, 0.35))
        shell.from_mesh(mesh)
    else:
        maker(shell)
    corners = np.array([vertex.co for vertex in shell.verts])
    low, high = corners.min(0), corners.max(0)
    if shape in _HANDLED:  # the origin is the head's middle, the handle reaches where it will
        scale = np.full(3, size)
    else:
        bmesh.ops.translate(shell, verts=shell.verts[:], vec=tuple(-(low + high) / 2))
        scale = np.asarray(EXTENTS[shape]) * size * 2 / (high - low)
    bmesh.ops.scale(shell, verts=shell.verts[:], vec=tuple(scale))
    shell.to_mesh(mesh)
    shell.free()
    if shape not in _FLAT:
        mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    return mesh


def _cone(
    shell: bmesh.types.BMesh, low: float, high: float, height: float, z: float, segments: int = 24
) -> None:
    """Add a cone from radius `low` to `high`, standing on `z`."""
    bmesh.ops.create_cone(
        shell, cap_ends=True, segments=segments, radius1=low, radius2=high, depth=height,
        matrix=Matrix.Translation((0, 0, z + height / 2)),
    )  # fmt: skip


def _ball(shell: bmesh.types.BMesh, z: float = 0.0, radius: float = 0.5) -> None:
    bmesh.ops.create_uvsphere(
        shell, u_segments=24, v_segments=14, radius=radius, matrix=Matrix.Translation((0, 0, z))
    )


def _bottle(shell: bmesh.types.BMesh) -> None:
    _cone(shell, 0.17, 0.17, 0.6, 0.0)
    _cone(shell, 0.17, 0.06, 0.16, 0.6)
    _cone(shell, 0.06, 0.06, 0.24, 0.76)


def _mug(shell: bmesh.types.BMesh) -> None:
    _cone(shell, 0.38, 0.4, 0.84, 0.0)
    points, _, faces = _torus(0.24, 0.06)
    made = [shell.verts.new((x + 0.4, z, y + 0.42)) for x, y, z in points]
    for face in faces:
        shell.faces.new([made[corner] for corner in face])


def _dumbbell(shell: bmesh.types.BMesh) -> None:
    _cone(shell, 0.06, 0.06, 0.7, 0.15)
    _ball(shell, 0.17, 0.17)
    _ball(shell, 0.83, 0.17)


def _capsule(shell: bmesh.types.BMesh) -> None:
    _ball(shell, 0.0, 0.22)
    for vertex in shell.verts:
        vertex.co.z += 0.28 if vertex.co.z > 0 else -0.28


def _handle(shell: bmesh.types.BMesh, head: Callable[[], object]) -> None:
    bmesh.ops.create_cone(
        shell, cap_ends=True, segments=12, radius1=0.03, radius2=0.03, depth=0.6,
        matrix=Matrix.Translation((0.3, 0, 0)) @ Matrix.Rotation(pi / 2, 4, "Y"),
    )  # fmt: skip
    head()


def _hammer(shell: bmesh.types.BMesh) -> None:
    box = Matrix.Diagonal((0.2, 0.24, 0.2, 1.0))
    _handle(shell, lambda: bmesh.ops.create_cube(shell, size=1.0, matrix=box))


def _mallet(shell: bmesh.types.BMesh) -> None:
    _handle(shell, lambda: _cone(shell, 0.16, 0.16, 0.28, -0.14))


def _torus(radius: float, thick: float) -> tuple[list[tuple[float, float, float]], list, list]:
    around, across = 28, 12
    points = [
        (
            (radius + thick * cos(2 * pi * k / across)) * cos(2 * pi * n / around),
            (radius + thick * cos(2 * pi * k / across)) * sin(2 * pi * n / around),
            thick * sin(2 * pi * k / across),
        )
        for n in range(around)
        for k in range(across)
    ]
    faces = [
        (
            n * across + k,
            (n + 1) % around * across + k,
            (n + 1) % around * across + (k + 1) % across,
            n * across + (k + 1) % across,
        )
        for n in range(around)
        for k in range(across)
    ]
    return points, [], faces


_HANDLED = ("hammer", "mallet")
_MAKERS: dict[str, Callable[[bmesh.types.BMesh], object]] = {
    "ball": _ball,
    "cube": lambda shell: bmesh.ops.create_cube(shell, size=1.0),
    "plank": lambda shell: bmesh.ops.create_cube(shell, size=1.0),
    "brick": lambda shell: bmesh.ops.create_cube(shell, size=1.0),
    "block": lambda shell: bmesh.ops.create_cube(shell, size=1.0),
    "drumblock": lambda shell: _cone(shell, 0.45, 0.38, 0.7, 0.0),
    "bottle": _bottle,
    "mug": _mug,
    "monkey": lambda shell: bmesh.ops.create_monkey(shell),
    "ico": lambda shell: bmesh.ops.create_icosphere(shell, subdivisions=2, radius=0.5),
    "cylinder": lambda shell: _cone(shell, 0.3, 0.3, 1.0, 0.0),
    "cone": lambda shell: _cone(shell, 0.42, 0.0, 1.0, 0.0),
    "dumbbell": _dumbbell,
    "capsule": _capsule,
    "hammer": _hammer,
    "mallet": _mallet,
}
