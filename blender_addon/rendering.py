"""Hand shots to a second Blender. The window waits only while a small .blend is written."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import bpy

from foleyline_contract.errors import OutputUnwritable

from . import compat
from .render_job import RenderJob, work_folder
from .shot import Shot, small_size

_SCRIPT = Path(__file__).with_name("render_script.py")


def start(shots: Sequence[Shot], least_px: tuple[int, int], movies: Path) -> RenderJob:
    """Begin to render shots, of one scene or several; poll the job for their clips.

    Args:
        least_px: width and height of the pictures that the model looks at.
        movies: folder for the movies; they must outlive this Blender, as jobs do.

    Raises:
        InputError: the folder cannot be written to, or no second Blender can be started.
    """
    work = work_folder(movies, uuid4().hex)
    try:
        scene_names = _write_snapshot(shots, work / "snapshot.blend")
    except (OSError, RuntimeError) as error:
        shutil.rmtree(work, ignore_errors=True)
        raise OutputUnwritable(
            "The strips could not be saved for rendering.", detail=str(error)
        ) from error
    orders = [
        (shot, scene_names[shot.scene_name], _size(bpy.data.scenes[shot.scene_name], least_px))
        for shot in shots
    ]
    return RenderJob(_command(), work, movies, orders)


def _size(scene: Any, least_px: tuple[int, int]) -> Any:  # noqa: ANN401
    return small_size(scene.render.resolution_x, scene.render.resolution_y, least_px)


def _command() -> list[str]:
    """Blender with the script; in the bpy module Python is what runs it."""
    if not bpy.app.binary_path:
        return [sys.executable, str(_SCRIPT)]
    # Without add-ons and scripts of the file: they are the artist's, and not needed here.
    options = ("-b", "--factory-startup", "--disable-autoexec", "-noaudio")
    return [bpy.app.binary_path, *options, "--python-exit-code", "1", "--python", str(_SCRIPT)]


def _write_snapshot(shots: Iterable[Shot], path: Path) -> dict[str, str]:
    """Save the scenes of the shots with what is seen of them; their names in the file.

    A scene's own objects are no part of its strips' pictures, and may be gigabytes. So what
    is saved is a copy of the scene that has let go of them.
    """
    by_scene: dict[str, list[Shot]] = {}
    for shot in shots:
        by_scene.setdefault(shot.scene_name, []).append(shot)
    with _copies(by_scene) as copies:
        # Blender 5.2 crashes when it writes a scene that was made since the last update.
        bpy.context.view_layer.update()
        bpy.data.libraries.write(
            str(path), set(copies.values()), path_remap="ABSOLUTE", compress=False
        )
        return {name: copy.name for name, copy in copies.items()}


@contextmanager
def _copies(by_scene: dict[str, list[Shot]]) -> Iterator[dict[str, Any]]:
    copies: dict[str, Any] = {}
    try:
        for name, shots in by_scene.items():
            copies[name] = bpy.data.scenes[name].copy()
            _let_go(copies[name], shots)
        yield copies
    finally:
        for copy in copies.values():
            bpy.data.scenes.remove(copy)


def _let_go(scene: Any, shots: Sequence[Shot]) -> None:  # noqa: ANN401
    """Drop the scene's objects, and scenes that strips show which nobody asked for."""
    collection = scene.collection
    for child in list(collection.children):
        collection.children.unlink(child)
    for thing in list(collection.objects):
        collection.objects.unlink(thing)
    scene.camera = scene.world = scene.background_set = None
    scene.timeline_markers.clear()
    by_name = {strip.name: strip for strip in compat.all_strips_in(scene.sequence_editor)}
    needed: set[str] = set()
    waiting = [by_name[name] for shot in shots for name in shot.shown]
    while waiting:
        strip = waiting.pop()
        if strip.name not in needed:
            needed.add(strip.name)
            waiting += compat.shown_in(strip)
    for strip in by_name.values():
        if strip.type == "SCENE" and strip.name not in needed:
            strip.scene = None
