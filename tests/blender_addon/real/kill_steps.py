"""What a Blender does that is killed while it fills an edit; run_kills.py starts and kills it.

make     installs the add-on and makes the edit
work     opens the edit, fills it or goes on, saves now and then, until it is killed
finish   opens the edit, lets everything come home, fills what is left, saves, and counts
"""

import importlib
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import bpy

MODULE = "bl_ext.user_default.foleyline"
STEP, ADDRESS, ARCHIVE, SEED = sys.argv[sys.argv.index("--") + 1 :]
CUTS, CUT_FRAMES = 30, 24
WAIT_S = 120
FILM = Path.cwd() / "cuts.blend"


def part(name: str):
    return importlib.import_module(f"{MODULE}.{name}")


def say(what: str, **facts: object) -> None:
    print(what, json.dumps(facts), flush=True)


def enable() -> None:
    if MODULE not in bpy.context.preferences.addons:
        bpy.ops.preferences.addon_enable(module=MODULE)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.address, preferences.start_server = ADDRESS, False


def make() -> None:
    """Thirty cuts of a second; the last two show what the first two show."""
    bpy.ops.extensions.package_install_files(
        filepath=ARCHIVE, repo="user_default", enable_on_install=True
    )
    enable()
    bpy.ops.wm.read_homefile(use_empty=True)
    editor = bpy.context.scene.sequence_editor_create()
    collection, set_timing = part("compat").strips_in(editor), part("compat").set_timing
    for number in range(CUTS):
        source = 4 * (number % (CUTS - 2))
        begin = 1 + number * (CUT_FRAMES + 6)
        strip = collection.new_movie(
            name=f"cut {number}", filepath=str(Path.cwd() / "ball24.mp4"),
            channel=3 + number % 2, frame_start=begin - source,
        )  # fmt: skip
        set_timing(strip, "left_handle", begin)
        set_timing(strip, "right_handle", begin + CUT_FRAMES)
    bpy.ops.wm.save_as_mainfile(filepath=str(FILM))


def takes() -> Counter:
    """How many takes each cut has."""
    strips = part("compat").all_strips_in(bpy.context.scene.sequence_editor)
    return Counter(strip["foley"]["source_strip"] for strip in strips if strip.type == "SOUND")


def begin_fill() -> None:
    fill, fill_plan, generation = part("fill"), part("fill_plan"), part("generation")
    strips = fill.candidates(bpy.context, selected_only=False)
    chosen = fill_plan.plan(fill.cuts(bpy.context, strips), fill_plan.Options()).chosen
    generation.begin(bpy.context, [strips[index] for index in chosen], batch=True)


def open_film() -> None:
    enable()
    bpy.ops.wm.open_mainfile(filepath=str(FILM))
    bpy.ops.foleyline.connect()
    link, adoption = part("link").link, part("adoption")
    end_s = time.monotonic() + WAIT_S
    while not adoption.step() and time.monotonic() < end_s:
        link.drain()
        time.sleep(0.01)


def work() -> None:
    """Until it is killed: at some moment the first time, in the middle of things later."""
    open_film()
    link, pump, dice = part("link").link, part("pump"), random.Random(int(SEED))
    if not takes() and not part("folders").notebook().all():
        begin_fill()
    say("OPEN")
    save_at = time.monotonic() + dice.uniform(0.2, 1.0)
    while True:
        pump.turn()
        if time.monotonic() > save_at and link.unsaved:
            say("STATE", doing="saving", placed=sum(takes().values()), open=len(link.board.jobs))
            bpy.ops.wm.save_mainfile()
            save_at = time.monotonic() + dice.uniform(0.2, 1.0)
        say("STATE", doing="working", placed=sum(takes().values()), open=len(link.board.jobs))
        time.sleep(0.01)


def finish() -> None:
    open_film()
    link, pump = part("link").link, part("pump")
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        pump.turn()
        time.sleep(0.01)
        if link.board.busy or link.board.found is not None:
            continue
        if len(takes()) == CUTS and not link.unsaved:
            break
        bpy.ops.wm.save_mainfile()
        if len(takes()) < CUTS:
            say("AGAIN", missing=CUTS - len(takes()))
            begin_fill()
    while part("folders").notebook().all() and time.monotonic() < end_s:
        pump.turn()
        time.sleep(0.01)
    board = link.board
    jobs = {job.job_id: (job.state.name, str(job.problem)) for job in board.jobs.values()}
    say("BOARD", jobs=jobs, unsaved=list(link.unsaved), link=board.link.name)
    link.close()
    session, _ = importlib.import_module("foleyline_client.launcher").connect(ADDRESS)
    with session:
        waiting = [job.job_id for job in session.all_jobs(unacknowledged=True)]
        count = len(session.all_jobs())
    bpy.ops.wm.open_mainfile(filepath=str(FILM))
    strips = part("compat").all_strips_in(bpy.context.scene.sequence_editor)
    placed = sorted({Path(s.sound.filepath).name for s in strips if s.type == "SOUND"})
    folder = Path.cwd() / "foley"
    say(
        "RESULT",
        takes=takes(),
        placed=placed,
        wavs=sorted(path.name for path in folder.glob("*.wav")),
        parts=len(list(folder.glob("*.part"))) + len(list(folder.glob(".*.part"))),
        waiting=waiting,
        notes=len(part("folders").notebook().all()),
        jobs=count,
    )


{"make": make, "work": work, "finish": finish}[STEP]()
print("DONE", flush=True)
os._exit(0)
