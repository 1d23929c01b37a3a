"""Run in Blender without a window: plans and renders each edit, and what Blender shows of it.

    ... check_strips.py -- named
    ... check_strips.py -- random SEED COUNT
    ... check_strips.py -- only NAME...

The working folder holds the movies and takes ``report.json``; ``run_strips.py`` compares.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from types import ModuleType

import bpy

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(ROOT / "client")]
package = ModuleType("foleyline_addon")
package.__path__ = [str(ROOT / "blender_addon")]
sys.modules["foleyline_addon"] = package

from build_edit import build, get  # noqa: E402
from edits import named_edits, random_edits  # noqa: E402
from foleyline_addon import footage, render_job, rendering  # noqa: E402
from foleyline_addon.shot import small_size  # noqa: E402

from foleyline_contract.errors import InputError  # noqa: E402

LEAST_PX = (224, 224)
WAIT_S = 240


def reference(built, target: Path) -> list[int]:
    """Let Blender render the edit itself, as the artist would look at it."""
    scene, strip = built.scene, built.strip
    for other in built.hiding:
        other.mute = True
    strip.mute = False
    first, end = get(strip, "left_handle"), get(strip, "right_handle")
    scene.frame_start, scene.frame_end = first, end - 1
    size = small_size(scene.render.resolution_x, scene.render.resolution_y, LEAST_PX)
    scene.render.resolution_percentage = size.percentage
    scene.view_settings.view_transform = "Standard"
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode = "PNG", "RGB"
    scene.render.filepath = str(target / "f")
    bpy.ops.render.render(animation=True, scene=scene.name)
    return [first, end]


def wait_for(job):
    outcomes, longest_s, end_s = [], 0.0, time.monotonic() + WAIT_S
    while not job.ended:
        if time.monotonic() > end_s:
            job.cancel()
        began_s = time.perf_counter()
        outcomes += job.poll()
        longest_s = max(longest_s, time.perf_counter() - began_s)
        time.sleep(0.02)
    return outcomes, longest_s


def told(clip) -> dict:
    return {
        "path": clip.path,
        **{key: str(getattr(clip, key)) for key in ("start_s", "duration_s", "speed")},
    }


def main() -> None:
    which, *rest = sys.argv[sys.argv.index("--") + 1 :]
    if which == "named":
        edits = named_edits()
    elif which == "only":
        edits = [edit for edit in named_edits() if edit.name in rest]
    else:
        edits = random_edits(*map(int, rest))
    work = Path.cwd()
    version = ".".join(map(str, bpy.app.version))
    shutil.rmtree(work / version, ignore_errors=True)
    report, shots, built_by = {}, {}, {}
    for number, edit in enumerate(edits):
        built = build(edit, work)
        built_by[edit.name] = built
        entry = report[edit.name] = {"frames": str(work / version / str(number))}
        entry["span"] = [get(built.strip, "left_handle"), get(built.strip, "right_handle")]
        entry["retimed"] = edit.speed_percent != 100
        began_s = time.perf_counter()
        try:
            found = footage.plan(built.strip, built.scene)
        except InputError as error:
            entry["refused"] = str(error)
            continue
        entry["plan_s"] = time.perf_counter() - began_s
        if isinstance(found, footage.Direct):
            entry["clip"] = told(found.clip)
            if edit.scale < 1:  # so that the number can be read
                built.strip.transform.scale_x = built.strip.transform.scale_y = 1
        else:
            entry["why"] = found.why
            shots[edit.name] = found.shot
    began_s = time.perf_counter()
    job = rendering.start(list(shots.values()), LEAST_PX, work / version / "movies")
    start_s = time.perf_counter() - began_s
    outcomes, poll_s = wait_for(job)
    plan_s = max(entry.get("plan_s", 0) for entry in report.values())
    print(
        f"MEASURED {version}: start {start_s * 1e3:.1f} ms for {len(shots)} shots, longest plan "
        f"{plan_s * 1e3:.1f} ms, longest poll {poll_s * 1e3:.1f} ms, "
        f"{time.perf_counter() - began_s:.1f} s in all"
    )
    for outcome in outcomes:
        name = next(key for key, shot in shots.items() if shot == outcome.shot)
        if outcome.clip:
            report[name]["rendered"] = told(outcome.clip)
        else:
            report[name]["failed"] = f"{outcome.error} [{outcome.error.detail[-600:]}]"
    for name, built in built_by.items():
        if "refused" not in report[name]:
            reference(built, Path(report[name]["frames"]))
    (work / "report.json").write_text(json.dumps(report, indent=1))
    render_job.clear_leftovers(work / version / "movies")
    print("DONE", flush=True)


main()
os._exit(0)
