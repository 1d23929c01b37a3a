"""Long strips are split where shots begin, and their pieces filled; run_shots.py starts it."""

import importlib
import os
import sys
import time
from pathlib import Path

import bpy

MODULE = "bl_ext.user_default.foleyline"
_STEP, ADDRESS, ARCHIVE, _NUMBER = sys.argv[sys.argv.index("--") + 1 :]
PIECES = [(101, 221), (221, 341), (341, 509)]
"""Of the movie at the scene's rate, from its second second on: its shots have 6, 5 and 7 s."""
OTHER_PIECES = [(600, 780), (780, 930), (930, 1140)]
"""Of the movie of 30 fps, which Blender plays frame by frame."""
WAIT_S = 60


def check(name: str, good: bool, detail: object = "") -> None:
    print("CHECK", "ok " if good else "BAD", f"{name}: {detail}", flush=True)


def part(name: str):
    return importlib.import_module(f"{MODULE}.{name}")


def set_up() -> None:
    bpy.ops.extensions.package_install_files(
        filepath=ARCHIVE, repo="user_default", enable_on_install=True
    )
    if MODULE not in bpy.context.preferences.addons:
        bpy.ops.preferences.addon_enable(module=MODULE)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.address, preferences.start_server = ADDRESS, False


def make_edit() -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 24, 1
    strips = part("compat").strips_in(scene.sequence_editor_create())
    for name, fps, channel, frame in (("long", 24, 3, 77), ("other", 30, 3, 600)):
        path = str(Path.cwd() / f"shots{fps}.mp4")
        strips.new_movie(name=name, filepath=path, channel=channel, frame_start=frame)
    strips.new_movie(
        name="short", filepath=str(Path.cwd() / "shots24.mp4"), channel=9, frame_start=1
    )
    by_name = part("compat").all_strips_in(scene.sequence_editor)
    part("compat").set_timing(by_name["long"], "left_handle", 101)
    part("compat").set_timing(by_name["short"], "right_handle", 49)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path.cwd() / "shots.blend"))


def strips(kind: str) -> list:
    editor = bpy.context.scene.sequence_editor
    return [strip for strip in part("compat").all_strips_in(editor) if strip.type == kind]


def spans(kind: str, channel: int | None = None) -> list[tuple[int, int]]:
    timing = part("compat").timing
    chosen = [s for s in strips(kind) if channel in (None, s.channel)]
    return sorted((timing(s, "left_handle"), timing(s, "right_handle")) for s in chosen)


def fill(**options) -> set[str]:
    return bpy.ops.sequencer.foley_fill(scope="UNSCORED", split_shots=True, **options)


def split_and_filled() -> None:
    result = fill()
    check("finished", result == {"FINISHED"}, result)
    found = spans("MOVIE", 3)
    check("split where shots begin", found == PIECES + OTHER_PIECES, found)
    takes = spans("SOUND")
    wanted = sorted([(1, 49), *PIECES, *OTHER_PIECES])
    check("every piece has a take, the short strip too", takes == wanted, takes)
    ids = [strip.get("foley_id") for strip in strips("MOVIE")]
    check("every piece has an id of its own", len(set(ids)) == 7 and all(ids), ids)
    times = part("pump").times
    print(f"MEASURED longest own tick: {times.longest_tick_s * 1000:.1f} ms")
    print(f"MEASURED longest splitting or beginning: {times.longest_other_s * 1000:.1f} ms")


def undone() -> None:
    """Splitting all strips of a fill is one undo step."""
    make_edit()
    bpy.ops.ed.undo_push(message="Edit")
    fill_part, plan, pump = part("fill"), part("fill_plan"), part("pump")
    cuts = fill_part.candidates(bpy.context, selected_only=False)
    clips = [cut.clip for cut in fill_part.cuts(bpy.context, cuts)]
    long = [pair for pair in zip(cuts, clips, strict=True) if pair[0].name != "short"]
    search = part("splitting").begin(bpy.context, long, {}, plan.Options())
    end_s = time.monotonic() + WAIT_S
    while search.begun is None and time.monotonic() < end_s:
        pump.turn()
        time.sleep(0.01)
    check("six pieces", len(search.begun.jobs) == 6 and len(strips("MOVIE")) == 7)
    part("generation").cancel(search.begun.jobs)
    bpy.ops.ed.undo()
    found = spans("MOVIE", 3)
    check("one step back and they are whole", found == [(101, 509), (600, 1140)], found)
    while part("link").link.board.busy and time.monotonic() < end_s:
        pump.turn()
        time.sleep(0.01)


def limits() -> None:
    make_edit()
    fill(split_longer_s=17.5)
    found = spans("MOVIE", 3)
    check("only longer ones are split", found == [(101, 509), *OTHER_PIECES], found)


def locked() -> None:
    make_edit()
    for strip in strips("MOVIE"):
        strip.lock = strip.name == "long"
    fill()
    found = spans("MOVIE", 3)
    check("a locked strip is not split", found == [(101, 509), *OTHER_PIECES], found)


def not_found() -> None:
    """Nothing tells where shots begin: the strips are filled as they are."""
    make_edit()
    from foleyline_contract.errors import ServerUnreachable

    def refuse(_order, _status):
        raise ServerUnreachable("Nothing answers.")

    shots = part("link").link._bridge._shots
    connector, shots._connector = shots._connector, refuse
    fill()
    shots._connector = connector
    found = spans("SOUND")
    check("filled unsplit", found == [(1, 49), (101, 509), (600, 1140)], found)
    problem = part("link").link.board.problems[-1]
    check("and told", "was not split" in problem.message, problem)


def cancelled() -> None:
    make_edit()
    compat, splitting, plan = part("compat"), part("splitting"), part("fill_plan")
    strip = compat.all_strips_in(bpy.context.scene.sequence_editor)["long"]
    clip = part("footage").plan(strip, bpy.context.scene).clip
    search = splitting.begin(bpy.context, [(strip, clip)], {}, plan.Options())
    board = part("link").link.board
    check("the panel says so", part("report").search_text(board) == "Finding Shots 0/1")
    again = part("fill").cuts(bpy.context, [strip])
    reason = plan.plan(again, plan.Options()).skipped
    check("it is not filled twice", reason == [("long", "is being filled already")], reason)
    check("it can be cancelled", bpy.ops.sequencer.foley_cancel.poll())
    bpy.ops.sequencer.foley_cancel()
    check("it is over", search.begun is not None and not board.is_searching)
    end_s = time.monotonic() + 2
    while time.monotonic() < end_s:
        part("pump").turn()
        time.sleep(0.01)
    check("nothing was split", spans("MOVIE", 3) == [(101, 509), (600, 1140)])
    check("nothing was filled", not spans("SOUND") and not board.busy)


set_up()
make_edit()
for story in (split_and_filled, undone, limits, locked, not_found, cancelled):
    print("STORY", story.__name__, flush=True)
    story()
print("DONE", flush=True)
os._exit(0)
