"""Fills, cancels, retries, and kills servers and Blenders: nothing is lost, nothing doubled.

    python check_queue.py -- ARCHIVE SERVER_PYTHON STUB_SERVER ADDRESS    (Python with bpy)

It starts itself once more with ``die`` for the Blender that is killed. Timers do not run without
an interface, so ``turn`` is what a timer would have done.
"""

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import bpy

MODULE = "bl_ext.user_default.foleyline"
ARCHIVE, PYTHON, STUB, ADDRESS, *DIE = sys.argv[sys.argv.index("--") + 1 :]
CUTS, CUT_FRAMES = 30, 24
WAIT_S = 60
DATA = Path.cwd() / "server-data"


def check(name: str, good: bool, detail: object = "") -> None:
    print("CHECK", "ok " if good else "BAD", f"{name}: {detail}", flush=True)


def part(name: str):
    return importlib.import_module(f"{MODULE}.{name}")


def start_server(job_s: float) -> subprocess.Popen:
    command = [PYTHON, STUB, "--address", ADDRESS, "--job-s", str(job_s), "--data", str(DATA)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("LISTENING")
    return process


def set_up() -> None:
    bpy.ops.extensions.package_install_files(
        filepath=ARCHIVE, repo="user_default", enable_on_install=True
    )
    if MODULE not in bpy.context.preferences.addons:
        bpy.ops.preferences.addon_enable(module=MODULE)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.address, preferences.start_server = ADDRESS, False


def make_edit() -> None:
    """Thirty cuts of a second; the last two show what the first two show."""
    bpy.ops.wm.read_homefile(use_empty=True)
    editor = bpy.context.scene.sequence_editor_create()
    collection, set_timing = part("compat").strips_in(editor), part("compat").set_timing
    path = str(Path.cwd() / "ball24.mp4")
    for number in range(CUTS):
        source = 4 * (number % (CUTS - 2))
        begin = 1 + number * (CUT_FRAMES + 6)
        strip = collection.new_movie(
            name=f"cut {number}", filepath=path, channel=3 + number % 2, frame_start=begin - source
        )
        set_timing(strip, "left_handle", begin)
        set_timing(strip, "right_handle", begin + CUT_FRAMES)
    bpy.ops.wm.save_as_mainfile(filepath=str(Path.cwd() / "cuts.blend"))


def takes_by_cut() -> dict[str, int]:
    found: dict[str, int] = {}
    for strip in part("compat").all_strips_in(bpy.context.scene.sequence_editor):
        if strip.type == "SOUND":
            source = strip["foley"]["source_strip"]
            found[source] = found.get(source, 0) + 1
    return found


def begin_fill(seed: int, names: range = range(CUTS)):
    scene = bpy.context.scene
    scene.foley.random_seed, scene.foley.seed = False, seed
    by_name = part("compat").all_strips_in(scene.sequence_editor)
    strips = [by_name[f"cut {number}"] for number in names]
    start_s = time.perf_counter()
    jobs = part("generation").begin(bpy.context, strips, batch=True).jobs
    took_ms = (time.perf_counter() - start_s) * 1000
    print(f"MEASURED beginning {len(strips)} cuts: {took_ms:.1f} ms", flush=True)
    return jobs


def turn_until(condition, limit_s: float = WAIT_S) -> bool:
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            print("board:", part("link").link.board, flush=True)
            return False
        part("pump").turn()
        time.sleep(0.01)
    return True


def board():
    return part("link").link.board


def fill_by_button() -> None:
    server = start_server(0.1)
    bpy.context.scene.foley.random_seed, bpy.context.scene.foley.seed = False, 1
    start_s = time.perf_counter()
    cuts = part("fill").cuts(bpy.context, part("fill").candidates(bpy.context, selected_only=False))
    took_ms = (time.perf_counter() - start_s) * 1000
    print(f"MEASURED preview of {len(cuts)} cuts: {took_ms:.1f} ms", flush=True)
    result = bpy.ops.sequencer.foley_fill(scope="UNSCORED")
    found = takes_by_cut()
    check("fill gives every cut one take", sorted(found.values()) == [1] * CUTS, result)
    check("the same picture is one job", len(board().jobs) == CUTS - 2, len(board().jobs))
    bpy.ops.sequencer.foley_fill(scope="UNSCORED")
    check("filled cuts are left alone", takes_by_cut() == found)
    check("unsaved jobs are kept", len(part("link").link.unsaved) == CUTS - 2)
    bpy.ops.wm.save_mainfile()
    notes = part("folders").notebook()
    check("saving forgets them", turn_until(lambda: not notes.all(), 5))
    times = part("pump").times
    print(f"MEASURED longest own tick {times.longest_tick_cpu_s * 1000:.2f} ms of processor time")
    print(f"MEASURED longest own tick {times.longest_tick_s * 1000:.2f} ms by the clock")
    landing, landing_cpu = times.longest_landing_s * 1000, times.longest_landing_cpu_s * 1000
    print(f"MEASURED longest landing {landing:.2f} ms by the clock, {landing_cpu:.2f} of processor")
    server.terminate()
    server.wait(10)


def cancel_and_retry() -> None:
    server = start_server(0.5)
    jobs = begin_fill(2, range(4))
    turn_until(lambda: any(job.state.name == "RUNNING" for job in jobs))
    bpy.ops.sequencer.foley_cancel(job=jobs[3].job_id)
    turn_until(lambda: all(job.has_ended for job in jobs))
    states = [job.state.name for job in jobs]
    check("cancel one", states == ["DONE"] * 3 + ["CANCELLED"], states)
    before = takes_by_cut()["cut 3"]
    bpy.ops.sequencer.foley_retry(job=jobs[3].job_id)
    turn_until(lambda: not board().busy)
    check("retry", takes_by_cut()["cut 3"] == before + 1)
    jobs = begin_fill(3, range(6))
    turn_until(lambda: any(job.state.name == "RUNNING" for job in jobs))
    bpy.ops.sequencer.foley_cancel()
    check("cancel all", turn_until(lambda: not board().busy, 5))
    bpy.ops.sequencer.foley_clear()
    check("clear", not board().jobs)
    server.terminate()
    server.wait(10)


def rendered() -> None:
    """Strips that play backwards: another Blender renders them, one of them is cancelled."""
    server = start_server(0.1)
    by_name = part("compat").all_strips_in(bpy.context.scene.sequence_editor)
    before = takes_by_cut()
    for number in range(3):
        by_name[f"cut {number}"].use_reverse_frames = True
    jobs = begin_fill(6, range(3))
    turn_until(lambda: any(job.state.name == "RENDERING" for job in jobs))
    bpy.ops.sequencer.foley_cancel(job=jobs[2].job_id)
    turn_until(lambda: all(job.has_ended for job in jobs))
    states = [job.state.name for job in jobs]
    check("rendered, one cancelled", states == ["DONE", "DONE", "CANCELLED"], states)
    added = {name: count - before[name] for name, count in takes_by_cut().items()}
    gained = sorted(name for name, more in added.items() if more)
    check("takes of rendered strips", gained == ["cut 0", "cut 1"], gained)
    longest = part("pump").times.longest_render_start_s
    print(f"MEASURED longest start of rendering {longest * 1000:.2f} ms", flush=True)
    for number in range(3):
        by_name[f"cut {number}"].use_reverse_frames = False
    server.terminate()
    server.wait(10)


def handles() -> None:
    """Handles as far as the movie goes, fades, a channel of the artist's, packed, by a pattern."""
    server = start_server(0.1)
    foley = bpy.context.scene.foley
    foley.handle_frames, foley.fade_frames, foley.channel, foley.pack = 6, 3, 20, True
    foley.output = "//other/{strip}-{take}-of-{project}"
    jobs = begin_fill(7, range(1, 2))
    turn_until(lambda: all(job.has_ended for job in jobs))
    foley.handle_frames, foley.fade_frames, foley.channel, foley.pack = 0, 0, 0, False
    foley.output = ""
    timing = part("compat").timing
    by_name = part("compat").all_strips_in(bpy.context.scene.sequence_editor)
    cut = by_name["cut 1"]
    take = next(s for s in by_name if s.type == "SOUND" and s["foley"]["seed"] == 7)
    spans = [[timing(s, edge) for edge in ("left_handle", "right_handle")] for s in (cut, take)]
    check("handles are hidden", spans[0] == spans[1], spans)
    # cut 1 begins four pictures into its movie, so only four frames fit before it
    check("sound before and after", jobs[0].note.frames == 4 + CUT_FRAMES + 6, jobs[0].note)
    head = timing(take, "left_handle") - timing(take, "content_start")
    check("the sound begins four frames early", head == 4, head)
    path = bpy.path.abspath(take.sound.filepath)
    check("pattern", "/other/cut_1-1-of-cuts" in path, path)
    check("channel and pack", take.channel == 20 and take.sound.packed_file is not None)
    server.terminate()
    server.wait(10)


def left_while_rendering() -> None:
    """Another file is opened while a strip is being rendered: its take comes home later."""
    server = start_server(0.1)
    bpy.ops.wm.save_mainfile()
    before = takes_by_cut()["cut 4"]
    by_name = part("compat").all_strips_in(bpy.context.scene.sequence_editor)
    by_name["cut 4"].use_reverse_frames = True
    jobs = begin_fill(8, range(4, 5))
    turn_until(lambda: jobs[0].state.name == "RENDERING")
    bpy.ops.wm.read_homefile(use_empty=True)
    check("still rendered and sent", turn_until(lambda: not board().jobs))
    bpy.ops.wm.open_mainfile(filepath=str(Path.cwd() / "cuts.blend"))
    turn_until(lambda: bool(board().jobs), 10)
    turn_until(lambda: not board().busy)
    check("its take comes home", takes_by_cut()["cut 4"] == before + 1)
    server.terminate()
    server.wait(10)


def server_killed() -> None:
    server = start_server(0.4)
    before = takes_by_cut()
    jobs = begin_fill(4, range(10))
    turn_until(lambda: sum(job.state.name == "DONE" for job in jobs) >= 3)
    server.send_signal(signal.SIGKILL)
    server.wait()
    lost = turn_until(lambda: board().link.name == "LOST", 30)
    check("the panel says that the server is lost", lost, board().link)
    server = start_server(0.4)
    turn_until(lambda: not board().busy)
    states = {job.state.name for job in jobs}
    check("all jobs finish after the server was killed", states == {"DONE"}, states)
    found = takes_by_cut()
    good = all(found[f"cut {n}"] == before.get(f"cut {n}", 0) + 1 for n in range(10))
    check("no take lost, none doubled", good, found)
    server.terminate()
    server.wait(10)


def blender_killed() -> None:
    bpy.ops.wm.save_mainfile()
    before = takes_by_cut()
    server = start_server(0.3)
    files = set((Path.cwd() / "foley").iterdir())
    command = [sys.executable, __file__, "--", ARCHIVE, PYTHON, STUB, ADDRESS, "die"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        while (line := other.stdout.readline()) and not line.startswith("HALF"):
            pass
        other.kill()
    check("the other Blender was killed half-way", line.startswith("HALF"), line.strip())
    bpy.ops.wm.read_homefile(use_empty=True)
    renamed = Path.cwd() / "renamed.blend"
    renamed.unlink(missing_ok=True)
    (Path.cwd() / "cuts.blend").rename(renamed)
    bpy.ops.wm.open_mainfile(filepath=str(renamed))
    check("the file has no takes of it", takes_by_cut() == before)
    check("notes say that it has unfinished business", part("adoption").has_unfinished_business())
    bpy.ops.foleyline.connect()
    turn_until(lambda: bool(board().jobs), 10)
    turn_until(lambda: not board().busy)
    found = takes_by_cut()
    good = all(found[f"cut {n}"] == before.get(f"cut {n}", 0) + 1 for n in range(10))
    check("its takes come home, once each", good and len(found) == CUTS, found)
    files = set((Path.cwd() / "foley").iterdir()) - files
    wavs = [path.name for path in files if path.suffix == ".wav"]
    check("no file is doubled", len(wavs) == 10, sorted(wavs))
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(renamed))
    turn_until(lambda: board().found is not None, 2)
    part("pump").turn()
    check("they come only once", takes_by_cut() == found and not board().jobs)
    server.terminate()
    server.wait(10)


def die() -> None:
    """The Blender that is killed: half of ten takes placed, the file not saved."""
    bpy.ops.wm.open_mainfile(filepath=str(Path.cwd() / "cuts.blend"))
    jobs = begin_fill(5, range(10))
    turn_until(lambda: sum(job.state.name == "DONE" for job in jobs) >= 4)
    print("HALF", flush=True)
    time.sleep(WAIT_S)


set_up()
if DIE:
    die()
make_edit()
for story in (
    fill_by_button,
    cancel_and_retry,
    rendered,
    handles,
    left_while_rendering,
    server_killed,
    blender_killed,
):
    print("STORY", story.__name__, flush=True)
    story()
bpy.ops.preferences.addon_disable(module=MODULE)
print("DONE", flush=True)
os._exit(0)
