"""Run inside a real Blender with its interface: an artist's hands, and eyes on the outcome.

    blender --enable-event-simulate --python drive_gui.py -- ADDRESS SHOTS_FOLDER

The working folder holds edit.blend. Prints ``CHECK ok|BAD name: detail`` lines; the caller
counts them. Every click and key goes through Blender's own event queue.
"""

import sys
import threading
import time
import wave
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import desk
from desk import (
    CANCEL,
    FILL,
    FIRST_SEED,
    GENERATE,
    MODULE,
    SEEDS,
    WAIT_S,
    busy,
    check,
    frames_of,
    part,
    say,
    scene,
    select,
    sounds,
    strips,
    wait_until,
    wait_while_busy,
)
from hands import Hands

ADDRESS = sys.argv[sys.argv.index("--") + 1]
SHOTS = Path(sys.argv[sys.argv.index("--") + 2])
CLIP = Path(__file__).resolve().parents[3] / "examples" / "workshop.mp4"


def check_take(sound, movie: str, start: str, duration: str, speed: str, channel: int) -> None:
    timing = part("compat").timing
    source = strips()[movie]
    for edge in ("left_handle", "right_handle"):
        same = timing(sound, edge) == timing(source, edge)
        check(f"{movie} {edge}", same, (timing(sound, edge), timing(source, edge)))
    check(f"{movie} channel", sound.channel == channel, sound.channel)
    record = sound.get("foley")
    check(f"{movie} record", record is not None and record["seed"] >= 0)
    spans = tuple(record[key] for key in ("start_s", "duration_s", "speed"))
    check(f"{movie} span", spans == (start, duration, speed), spans)
    check(f"{movie} settings", all(k in record for k in ("steps", "bundle", "provenance")))
    path = sound.sound.filepath
    check(f"{movie} path", path.startswith("//foley/"), path)
    with wave.open(bpy.path.abspath(path)) as file:
        frames = timing(source, "right_handle") - timing(source, "left_handle")
        wanted = round(frames * 48000 / 24)
        check(f"{movie} samples", file.getnframes() == wanted, (file.getnframes(), wanted))


def prepare():
    desk.set_up(ADDRESS)
    bpy.ops.wm.open_mainfile(filepath=str(Path.cwd() / "edit.blend"))
    yield 1
    if hasattr(bpy.context.workspace, "sequencer_scene") and scene().name != "Scene":
        say("scene", scene().name)
    hands = Hands(SHOTS)
    yield from hands.open_panel()
    with bpy.context.temp_override(
        window=hands.window, area=hands.area, region=hands.region("WINDOW")
    ):
        bpy.ops.sequencer.view_all()
    select("ball")
    scene().foley.random_seed = False
    bpy.ops.ed.undo_push(message="Ready")
    yield 1
    return hands


def generate(hands: Hands, takes: int = 1):
    scene().foley.seed, scene().foley.takes = next(SEEDS), takes  # undo may have changed them
    yield from hands.press(*GENERATE)
    yield from wait_until(busy, 5)


def one_strip(hands: Hands):
    """Click, watch, hear; Ctrl+Z takes exactly the take away, Ctrl+Shift+Z brings it back."""
    hands.shot("1-not-connected")
    before = set(strips())
    scene().foley.quality, scene().foley.steps = "CUSTOM", 80
    yield from generate(hands)
    board = part("pump").link.board
    yield from wait_while_busy(
        lambda: board.time_left_s(time.perf_counter()) is not None and board.fraction > 0.3
    )
    hands.shot("2-generating")
    yield from wait_until(lambda: not busy())
    yield 0.5
    added = [s for s in sounds() if s.name not in before]
    check("one take", len(added) == 1, [s.name for s in added])
    check_take(added[0], "ball", "1/2", "47/12", "1/1", 4)
    used = tuple(added[0]["foley"][key] for key in ("seed", "steps"))
    check("take settings", used == (FIRST_SEED, 80), used)
    scene().foley.quality = "STANDARD"
    name = added[0].name
    scene().sequence_editor.active_strip = added[0]
    hands.region("UI").tag_redraw()
    yield 1.5
    hands.shot("3-take")
    yield from hands.key("Z", ctrl=True)
    check("undo takes it away", set(strips()) == before, sorted(set(strips()) ^ before))
    yield from hands.key("Z", ctrl=True, shift=True)
    check("redo brings it back", set(strips()) == before | {name}, sorted(strips()))


def shipped_clip(hands: Hands):
    """The shipped clip, 8 s, with the default settings: how long from the click to the strip."""
    bpy.ops.ed.undo_push(message="Before the Clip")
    collection = part("compat").strips_in(scene().sequence_editor)
    collection.new_movie(name="clip", filepath=str(CLIP), channel=6, frame_start=400)
    select("clip")
    bpy.ops.ed.undo_push(message="Clip")
    before = len(sounds())
    scene().foley.seed, scene().foley.takes = next(SEEDS), 1
    scene().foley.quality = "STANDARD"  # the redo brought the custom steps back
    yield from hands.click(*(yield from hands.find(*GENERATE)))
    clicked_s = time.monotonic() - hands.AFTER_CLICK_S
    yield from wait_until(lambda: len(sounds()) > before)
    say(f"MEASURED click to strip, 8 s, default settings: {time.monotonic() - clicked_s:.2f} s")
    yield from wait_until(lambda: not busy())
    yield 0.5
    lengths = [frames_of(s) for s in sounds() if s.get("foley", {}).get("source_strip") == "clip"]
    check("take of the shipped clip", lengths == [frames_of(strips()["clip"])], lengths)
    select("clip")
    for _ in range(2):
        yield from hands.key("Z", ctrl=True)
    check("clip is gone again", "clip" not in strips(), sorted(strips()))


def cancelled(hands: Hands):
    """The cross beside the progress bar stops, soon, and leaves nothing."""
    before = set(strips())
    select("ball")
    yield from generate(hands)
    board = part("pump").link.board
    yield from wait_while_busy(lambda: board.fraction > 0.2)
    yield from hands.press(*CANCEL)
    pressed_s = time.monotonic()
    yield from wait_until(lambda: not busy(), 20)
    took_s = time.monotonic() - pressed_s
    yield 0.3
    states = [job.state.name for job in board.jobs.values()]
    check("cancelled", states[-1:] == ["CANCELLED"], states)
    check("cancel leaves nothing", set(strips()) == before)
    say(f"MEASURED cancel: {took_s:.2f} s")


def undo_meanwhile(hands: Hands):
    """Undo while a take is being made: the take finds its strip all the same."""
    strips()["half"].channel = 5
    bpy.ops.ed.undo_push(message="Move Half")
    select("half")
    before = len(sounds())
    yield from generate(hands)
    yield from hands.key("Z", ctrl=True)
    check("undo worked while busy", strips()["half"].channel == 3, strips()["half"].channel)
    yield from wait_until(lambda: not busy())
    yield 0.5
    check("take after undo", len(sounds()) == before + 1, len(sounds()))
    # 30 fps played at 24: picture 20 on, at 4/5 of its speed
    newest = next(s for s in sounds() if s.get("foley", {}).get("source_strip") == "half")
    check_take(newest, "half", "2/3", "10/3", "4/5", 2)
    yield from hands.key("Z", ctrl=True)
    check("undo of that", len(sounds()) == before, len(sounds()))


def several(hands: Hands):
    """Two strips, two takes each: one undo step a strip; one take of each is heard."""
    before = set(strips())
    select("ball", "half")
    bpy.ops.ed.undo_push(message="Two Takes")
    yield from generate(hands, takes=2)
    yield 1
    hands.shot("4-two-strips")
    yield from wait_until(lambda: not busy())
    yield 0.5
    added = [s for s in sounds() if s.name not in before]
    check("four takes", len(added) == 4, [(s.name, s.channel, s.mute) for s in added])
    check("two heard", sum(not s.mute for s in added) == 2)
    yield from hands.key("Z", ctrl=True)
    check("one undo for one strip", len(set(strips()) - before) == 2, sorted(strips()))
    yield from hands.key("Z", ctrl=True)
    check("another for the other", set(strips()) == before, sorted(set(strips()) ^ before))


def refused(hands: Hands):
    """Nothing selected greys the button out, and a dead server says what to do."""
    select()
    operator = bpy.ops.sequencer.foley_generate
    with bpy.context.temp_override(window=hands.window, area=hands.area):
        check("greyed out without a strip", not operator.poll())
    select("ball")
    part("pump").link.close()
    bpy.context.preferences.addons[MODULE].preferences.address = "tcp://127.0.0.1:9"
    yield from generate(hands)
    yield 1
    hands.shot("5-connecting")
    yield from wait_until(lambda: not busy())
    yield 0.5
    hands.shot("6-no-server")
    problem = part("pump").link.board.problem
    check("says there is no server", problem is not None and bool(problem.remedy), problem)


def rendering(hands: Hands):
    """Nothing is put on the timeline while a render runs."""
    bpy.context.preferences.view.render_display_type = "NONE"
    before = len(sounds())
    select("ball")
    yield from generate(hands)
    scene().render.filepath = f"{SHOTS}/render-"
    with bpy.context.temp_override(window=hands.window, area=hands.area):
        bpy.ops.render.render("INVOKE_DEFAULT", animation=True)
    overlapped = early = False
    start_s = time.monotonic()
    board = part("pump").link.board
    while busy() and time.monotonic() - start_s < WAIT_S:
        if bpy.app.is_job_running("RENDER"):
            overlapped = overlapped or not board.open_jobs
            early = early or len(sounds()) != before
        yield 0.02
    check("nothing while rendering", not early)
    names = [(sound.name, sound["foley"]["seed"]) for sound in sounds()]
    check("take after the render", len(names) == before + 1, (before, names))
    say(f"MEASURED a take waited for the render: {overlapped}")
    yield from hands.key("Z", ctrl=True)


def another_file(hands: Hands):
    """Opening a file leaves its jobs to the server; opening the right one brings them home."""
    select("ball")
    yield from generate(hands)
    yield 1
    bpy.ops.wm.read_homefile(use_empty=True)
    yield 2
    board = part("pump").link.board
    check("left to the server", not board.jobs, board.jobs)
    bpy.ops.wm.open_mainfile(filepath=str(Path.cwd() / "edit.blend"))
    yield from wait_until(lambda: bool(board.jobs), 10)
    yield from wait_until(lambda: not busy())
    yield 0.5
    names = [(sound.name, sound["foley"]["seed"]) for sound in sounds()]
    check("came home", len(names) == 1, names)
    check("still connected", board.link.name == "READY", board.link)
    check("to be forgotten when saved", len(part("pump").link.unsaved) == 1)
    bpy.ops.wm.save_mainfile()
    check("forgotten", not part("pump").link.unsaved)
    bpy.ops.wm.open_mainfile(filepath=str(Path.cwd() / "edit.blend"))
    yield 3
    check("not placed twice", len(sounds()) == 1, len(sounds()))


def switched_off(hands: Hands):
    """Switching the add-on off mid-job ends its thread and leaves nothing registered."""
    hands = Hands(SHOTS)
    select("ball")
    yield from hands.open_panel()
    yield from generate(hands)
    yield 0.5
    start_s = time.monotonic()
    bpy.ops.preferences.addon_disable(module=MODULE)
    say(f"MEASURED switching off mid-job: {time.monotonic() - start_s:.2f} s")
    threads = [t.name for t in threading.enumerate()]
    check("no thread left", "foleyline-client" not in threads, threads)
    check("unregisters", not hasattr(bpy.types.Scene, "foley"))
    yield 0.5


def menus(hands: Hands):
    for name in ("SEQUENCER_MT_context_menu", "SEQUENCER_MT_strip"):
        kind = getattr(bpy.types, name)
        functions = [f.__module__ for f in kind._dyn_ui_initialize()]
        check(f"in {name}", f"{MODULE}.menus" in functions)
    select("ball")
    x, y = hands.area.x + hands.area.width // 3, hands.area.y + 120
    yield from hands.move(x, y)
    region = hands.region("WINDOW")
    with bpy.context.temp_override(window=hands.window, area=hands.area, region=region):
        bpy.ops.wm.call_menu(name="SEQUENCER_MT_context_menu")
    yield 0.5
    hands.shot("7-context-menu")
    yield from hands.key("ESC")


def shortcut(hands: Hands):
    """Ctrl Shift F is nobody else's where it could be pressed, and generates."""
    places = ("Window", "Screen", "Screen Editing", "Frames", "User Interface", "View2D")
    configuration = bpy.context.window_manager.keyconfigs.default
    taken = [
        f"{keys.name}: {item.idname}"
        for keys in configuration.keymaps
        if keys.name in places or keys.name.startswith("Sequencer")
        for item in keys.keymap_items
        if item.type == "F" and item.value == "PRESS" and item.ctrl and item.shift and not item.alt
    ]
    check("shortcut is free", not taken, taken)
    select("ball")
    before = len(sounds())
    scene().foley.seed, scene().foley.takes = next(SEEDS), 1
    yield from hands.key("F", ctrl=True, shift=True)
    yield from wait_until(lambda: len(sounds()) > before)
    yield from hands.key("Z", ctrl=True)
    check("shortcut generates", len(sounds()) == before, len(sounds()))


def filling(hands: Hands):
    """The preview says what will be done; a click on its button does it."""
    before = set(strips())
    scene().foley.seed, scene().foley.takes = next(SEEDS), 1
    yield from hands.press(*FILL)
    yield 1
    hands.shot("8-fill")
    yield from hands.key("RET")
    yield from wait_until(lambda: part("pump").link.board.busy, 5)
    yield from wait_until(lambda: not busy())
    yield 0.5
    added = [s.get("foley", {}).get("source_strip") for s in sounds() if s.name not in before]
    check("filled what has no take", sorted(added) == ["half"], added)
    yield from hands.key("Z", ctrl=True)


def drive():
    hands = yield from prepare()
    stories = (
        one_strip, shipped_clip, cancelled, undo_meanwhile, several, filling, shortcut, rendering,
        menus, refused,
    )  # fmt: skip
    for story in stories:
        say("STORY", story.__name__)
        yield from story(hands)
    desk.say_times()
    bpy.context.preferences.addons[MODULE].preferences.address = ADDRESS
    for story in (another_file, switched_off):
        say("STORY", story.__name__)
        yield from story(hands)


desk.play(drive)
