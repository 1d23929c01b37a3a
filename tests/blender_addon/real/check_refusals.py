"""Run in Blender without a window: which strips have no picture, and what forces a rendering.

    python check_refusals.py    or    blender -b --python check_refusals.py

The working folder holds the movies of ``run_strips.py``. Prints ``CHECK ok|BAD name: detail``.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import bpy

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(ROOT / "client")]
package = ModuleType("foleyline_addon")
package.__path__ = [str(ROOT / "blender_addon")]
sys.modules["foleyline_addon"] = package

from build_edit import build, effect, put, select_only, strips_in  # noqa: E402
from edits import Edit  # noqa: E402
from foleyline_addon import footage  # noqa: E402

from foleyline_contract.errors import InputError  # noqa: E402

WORK = Path.cwd()


def check(name: str, good: bool, detail: object = "") -> None:
    print("CHECK", "ok " if good else "BAD", f"{name}: {detail}", flush=True)


def refusal(strip, scene) -> str:
    try:
        return f"none: {footage.plan(strip, scene)}"
    except InputError as error:
        return str(error)


def refused(name: str, kind: str, spoil, words: str) -> None:
    built = build(Edit(name, kind), WORK)
    spoil(built)
    said = refusal(built.strip, built.scene)
    check(name, words in said, said)


def lose_scene(built) -> None:
    built.strip.scene = None


def lose_camera(built) -> None:
    built.strip.scene.camera = None


def lose_movie(built) -> None:
    built.strip.filepath = str(WORK / "gone.mp4")


def lose_inner_movie(built) -> None:
    strips_in(built.strip)[0].filepath = str(WORK / "gone.mp4")


def lose_images(built) -> None:
    built.strip.directory = str(WORK / "gone")


def empty(built) -> None:
    inner = strips_in(built.strip)
    inner.remove(inner[0])


def before_zero(built) -> None:
    put(built.strip, "content_start", -20)
    built.strip.use_reverse_frames = True


def rendered(name: str, change, words: str) -> None:
    built = build(Edit(name), WORK)
    change(built.strip)
    found = footage.plan(built.strip, built.scene)
    why = getattr(found, "why", "read from the file")
    check(name, words in why, why)


def fade(strip) -> None:
    strip.keyframe_insert("blend_alpha", frame=30)


def move(strip) -> None:
    strip.transform.offset_x = 12
    strip.transform.keyframe_insert("offset_x", frame=30)


def grade(strip) -> None:
    strip.modifiers.new("grade", "BRIGHT_CONTRAST")
    strip.color_saturation = 0.2


def hide(strip) -> None:
    strip.modifiers.new("hide", "MASK")


def tool_tips() -> None:
    scene = build(replace(Edit("tool tip"), hidden=True), WORK).scene
    bpy.context.window.scene = scene
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = scene
    check("something selected", footage.why_none(bpy.context) is None)
    for strip in strips_in(scene.sequence_editor):
        strip.select = False
    said = footage.why_none(bpy.context)
    check("nothing selected", "Select a strip" in (said or ""), said)
    title = effect(scene.sequence_editor, "title", "TEXT", 9, (1, 20))
    select_only(scene, title)
    check("a title selected", footage.why_none(bpy.context) is None)
    strips, skipped = footage.with_picture(bpy.context)
    check("with picture", [s.name for s in strips] == ["title"] and not skipped)


refused("no scene", "scene", lose_scene, "has lost its scene")
refused("no camera", "3d", lose_camera, "has no camera")
refused("no file", "movie", lose_movie, "'gone.mp4' of the strip")
refused("no file within", "meta", lose_inner_movie, "which 'meta' shows")
refused("no images", "sequence", lose_images, "was not found")
refused("empty meta", "meta", empty, "holds no picture")
refused("before zero", "movie", before_zero, "begins before frame 0")
rendered("fading", fade, "is animated")
rendered("moving", move, "is animated")
if bpy.app.version[:2] != (5, 0):  # there, a new modifier on a movie strip is a crash
    rendered("graded", grade, "read from the file")
    rendered("masked", hide, "has the modifier hide")
remote = build(Edit("remote"), WORK)
forced = footage.plan(remote.strip, remote.scene, force_render=True)
check("remote", isinstance(forced, footage.NeedsRender), getattr(forced, "why", ""))
tool_tips()
print("DONE", flush=True)
os._exit(0)
