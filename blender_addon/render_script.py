"""Run by a second Blender without a window: renders shots small. Uses nothing of the add-on.

    blender -b --factory-startup --python render_script.py -- JOB.json
    python render_script.py -- JOB.json        with the bpy module

Prints lines that begin with FOLEYLINE: ``frame``, ``done N SHA256`` and ``failed N MESSAGE``.
Its working folder takes the movies, ``N.mp4``.
"""
# ruff: noqa: ANN401 - Blender's classes differ from version to version

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

NICENESS = 5
"""Rendering may wait for the Blender that the artist is working in."""
CYCLES_SAMPLES_MAX = 16
EEVEE_SAMPLES_MAX = 8
"""Enough for pictures of a few hundred pixels."""
_PLAIN_BLENDING = ("REPLACE", "ALPHA_OVER", "CROSS")


def say(*words: object) -> None:
    sys.stdout.write(" ".join(("FOLEYLINE", *map(str, words))) + "\n")
    sys.stdout.flush()


drawn: list[int] = []
"""Frames of the present shot that were written."""


def note_frame(scene: Any, *_: object) -> None:
    drawn.append(scene.frame_current)
    say("frame")


def load(snapshot: str) -> dict[str, Any]:
    """The scenes of the snapshot by the names that they have there."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    library: Any = bpy.data.libraries.load(snapshot)
    with library as (there, here):
        names = list(there.scenes)
        here.scenes = list(names)
    return dict(zip(names, here.scenes, strict=True))


def strips_in(owner: Any) -> Any:
    strips = getattr(owner, "strips", None)
    return owner.sequences if strips is None else strips


def all_strips(editor: Any) -> dict[str, Any]:
    strips = getattr(editor, "strips_all", None)
    return {s.name: s for s in (editor.sequences_all if strips is None else strips)}


class Changes:
    """Settings of this shot, taken back before the next one."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: object) -> None:
        before = getattr(owner, name)
        if before != value:
            self._before.append((owner, name, before))
            setattr(owner, name, value)

    def take_back(self) -> None:
        for owner, name, value in reversed(self._before):
            setattr(owner, name, value)


@contextlib.contextmanager
def alone(scene: Any, shot: dict[str, Any]) -> Iterator[None]:
    """Draw nothing but the shot's strips, on the level where they lie."""
    editor = scene.sequence_editor
    own = all_strips(editor)[shot["strip"]]
    meta = own.parent_meta()
    # While a meta strip is open, Blender renders what is in it as if it were all.
    editor.display_stack(meta)
    changes = Changes()
    for strip in strips_in(meta or editor):
        changes.set(strip, "mute", strip.name not in shot["shown"])
    for channel in (meta or editor).channels:
        changes.set(channel, "mute", False)
    if own.blend_type not in _PLAIN_BLENDING:
        changes.set(own, "blend_type", "ALPHA_OVER")  # there is nothing below to blend with
    try:
        yield
    finally:
        changes.take_back()
        editor.display_stack(None)


def set_size(scene: Any, shot: dict[str, Any]) -> None:
    """Render the scene small."""
    render = scene.render
    render.resolution_x, render.resolution_y = shot["width_px"], shot["height_px"]
    render.resolution_percentage = shot["percentage"]


def lighten(scenes: dict[Any, int]) -> None:
    """Render the scenes that strips show small as well, with fewer samples.

    Args:
        scenes: those that have the strips, and their percentages.
    """
    shrunk: dict[Any, float] = {}
    for scene, percentage in scenes.items():
        if scene.animation_data is not None:
            continue  # keys may set the very scale that is set here
        for strip in all_strips(scene.sequence_editor).values():
            inner = strip.scene if strip.type == "SCENE" else None
            if inner is None or inner in scenes or strip.scene_input != "CAMERA":
                continue
            if inner not in shrunk:
                shrunk[inner] = shrink(inner, percentage)
            # Its picture is drawn pixel by pixel, so a smaller one is drawn larger.
            strip.transform.scale_x *= shrunk[inner]
            strip.transform.scale_y *= shrunk[inner]
            for side in ("min_x", "max_x", "min_y", "max_y"):
                setattr(strip.crop, side, round(getattr(strip.crop, side) / shrunk[inner]))


def shrink(scene: Any, percentage: int) -> float:
    """Lower a scene's size and samples; how many times smaller its picture is now."""
    before = scene.render.resolution_percentage
    after = scene.render.resolution_percentage = max(1, before * percentage // 100)
    if scene.render.engine == "CYCLES":
        scene.cycles.samples = min(scene.cycles.samples, CYCLES_SAMPLES_MAX)
    elif "EEVEE" in scene.render.engine:
        scene.eevee.taa_render_samples = min(scene.eevee.taa_render_samples, EEVEE_SAMPLES_MAX)
    return before / after


def set_output(scene: Any) -> None:
    """H.264 in MP4, a time stamp for each frame, nothing drawn on it and no sound."""
    render = scene.render
    settings = render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    settings.color_mode = "RGB"
    movie = render.ffmpeg
    movie.format, movie.codec, movie.audio_codec = "MPEG4", "H264", "NONE"
    movie.constant_rate_factor, movie.ffmpeg_preset = "HIGH", "REALTIME"
    movie.gopsize, movie.use_max_b_frames, movie.use_autosplit = 12, False, False
    render.use_sequencer, render.use_compositing = True, False
    render.use_border = render.use_multiview = False
    for name in dir(render):
        if name.startswith("use_stamp"):
            setattr(render, name, False)  # dates in the file would make each one different
    render.use_overwrite, render.use_file_extension = True, True
    scene.frame_step = 1
    view = scene.view_settings
    view.view_transform, view.look = "Standard", "None"
    view.exposure, view.gamma, view.use_curve_mapping = 0.0, 1.0, False


def render(scene: Any, shot: dict[str, Any], path: Path) -> str:
    """Render the shot to ``path``; the file's SHA-256."""
    scene.frame_start, scene.frame_end = shot["first_frame"], shot["end_frame"] - 1
    scene.render.filepath = str(path)
    drawn.clear()
    with alone(scene, shot):
        bpy.ops.render.render(animation=True, scene=scene.name)
    wanted = shot["end_frame"] - shot["first_frame"]
    if len(drawn) != wanted:
        raise RuntimeError(f"{len(drawn)} of {wanted} frames were rendered")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    job_path = Path(sys.argv[sys.argv.index("--") + 1])
    job = json.loads(job_path.read_text(encoding="utf-8"))
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    scenes = load(job["snapshot"])
    bpy.app.handlers.render_write.append(note_frame)
    lighten({scenes[shot["scene"]]: shot["percentage"] for shot in job["shots"]})
    for number, shot in enumerate(job["shots"]):
        scene = scenes[shot["scene"]]
        set_output(scene)
        set_size(scene, shot)
        try:
            digest = render(scene, shot, job_path.parent / f"{number}.mp4")
        except (RuntimeError, OSError) as error:
            say("failed", number, " ".join(str(error).split()))
        else:
            say("done", number, digest)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # leaving the ordinary way, some builds of the module crash
