"""Run in Blender without a window: fills random edits, mixes their sound, renders their pictures.

    ... check_placement.py -- ADDRESS SEED COUNT [ARCHIVE]

With ARCHIVE the extension is installed first. The working folder holds the movies and pictures;
a line of ``placement.jsonl`` tells what ``run_placement.py`` compares of one edit.
"""

import faulthandler
import importlib
import json
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import bpy

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from build_edit import build_in, get, is_at_own_rate, new_scene, sequencer  # noqa: E402
from edits import random_timelines  # noqa: E402

MODULE = "bl_ext.user_default.foleyline"
ADDRESS, SEED, COUNT, *ARCHIVE = sys.argv[sys.argv.index("--") + 1 :]
GAP_FRAMES = 20
PERCENTAGE = 25
MIX_S, MIX_LOOK_S = 20, 0.2
MIX_BYTES_MIN = 1000
# Blender 5.2 warns about old names that this script uses for all versions alike.
warnings.simplefilter("ignore", DeprecationWarning)


def part(name: str):
    return importlib.import_module(f"{MODULE}.{name}")


def set_up() -> None:
    if ARCHIVE:
        bpy.ops.extensions.package_install_files(
            filepath=ARCHIVE[0], repo="user_default", enable_on_install=True
        )
    if MODULE not in bpy.context.preferences.addons:
        bpy.ops.preferences.addon_enable(module=MODULE)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.address, preferences.start_server = ADDRESS, False


def build(timeline):
    """The edits of a timeline one after the other; those of a movie begin when the last ended."""
    scene = new_scene(timeline[0].name, timeline[0].scene_fps)
    builts, start = [], timeline[0].start_frame
    for number, edit in enumerate(timeline):
        built = build_in(scene, replace(edit, start_frame=start), Path.cwd(), number)
        start = get(built.strip, "right_handle") + GAP_FRAMES
        builts.append(built)
    return scene, builts


def told(scene, edit, strip) -> dict:
    """What was made of one strip, before it is filled."""
    footage = part("footage")
    try:
        plan = footage.plan(strip, scene)
    except footage.InputError as error:
        return {"refused": str(error)}
    direct = isinstance(plan, footage.Direct)
    return {
        "kind": edit.kind,
        "why": "" if direct else plan.why,
        "span": [get(strip, "left_handle"), get(strip, "right_handle")],
        "content_start": get(strip, "content_start"),
        "trim": edit.trim_start,
        "retimed": edit.speed_percent != 100,
        "speed_percent": edit.speed_percent,
        "movie": Path(getattr(strip, "filepath", "")).name,
        "movie_fps": str(part("timing").exact_rate(strip.fps)) if direct else "",
        "own_rate": is_at_own_rate(edit),
        "edit": repr(edit),
    }


def mix(scene, path: Path) -> None:
    """Without an interface Blender 5.2 mixes once in its life, so a copy of it does."""
    if bpy.app.version < (5, 2):
        _mix(scene, path)
        return
    child = os.fork()
    if child == 0:
        _mix(scene, path)
        size, end_s = -1, time.monotonic() + MIX_S
        while time.monotonic() < end_s and (size < MIX_BYTES_MIN or size != path.stat().st_size):
            size = path.stat().st_size if path.exists() else -1
            time.sleep(MIX_LOOK_S)  # the file is written after the operator has returned
        os._exit(0)
    os.waitpid(child, 0)


def _mix(scene, path: Path) -> None:
    with sequencer(scene):
        bpy.ops.sound.mixdown(filepath=str(path), container="WAV", codec="PCM", format="S16")


def render(scene, target: Path) -> None:
    scene.render.resolution_percentage = PERCENTAGE
    scene.view_settings.view_transform = "Standard"
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode = "PNG", "RGB"
    scene.render.filepath = str(target / "f")
    bpy.ops.render.render(animation=True, scene=scene.name)


def takes_of(scene, strip) -> list:
    takes = part("take_strips").group_of(scene, strip).takes
    return [bpy.path.abspath(take.sound.filepath) for take in takes]


def one(number: int, timeline) -> dict:
    scene, builts = build(timeline)
    strips = [built.strip for built in builts]
    names = [strip.name for strip in strips]
    facts = [told(scene, edit, strip) for edit, strip in zip(timeline, strips, strict=True)]
    fps = part("timing").exact_rate(scene.render.fps, scene.render.fps_base)
    entry = {"name": timeline[0].name, "scene_fps": str(fps), "strips": facts}
    for strip in strips:
        strip.select = True
    entry["fill"] = fill(scene)
    by_name = part("compat").all_strips_in(scene.sequence_editor)
    strips = [by_name[name] for name in names]
    for name, fact in zip(names, facts, strict=True):
        fact["takes"] = takes_of(scene, by_name[name])
    spans = [fact["span"] for fact in facts if "span" in fact]
    scene.frame_start, scene.frame_end = 0, max(span[1] for span in spans) + 2
    entry["mix"], entry["frames"] = f"mix-{number}.wav", f"frames-{number}"
    mix(scene, Path.cwd() / entry["mix"])
    scene.frame_start = entry["first_frame"] = min(span[0] for span in spans)
    for built, strip in zip(builts, strips, strict=True):
        for other in built.hiding:
            other.mute = True
        strip.mute = False
    render(scene, Path.cwd() / entry["frames"])
    return entry


def fill(scene) -> str:
    with sequencer(scene):
        try:
            options = {"scope": "SELECTED", "skip_muted": False, "least_s": 0, "takes": 1}
            return str(bpy.ops.sequencer.foley_fill(**options))
        except RuntimeError as error:
            return str(error).strip()


def main() -> None:
    faulthandler.enable()
    set_up()
    print(f"Blender {bpy.app.version_string}", flush=True)
    with Path("placement.jsonl").open("w", encoding="utf-8") as report:
        for number, timeline in enumerate(random_timelines(int(SEED), int(COUNT))):
            report.write(json.dumps(one(number, timeline)) + "\n")
            report.flush()
            print(f"PROGRESS {number + 1}", flush=True)
    bpy.ops.preferences.addon_disable(module=MODULE)
    print("DONE", flush=True)


main()
os._exit(0)
