"""An artist's whole day in a real Blender: every click and key through its own event queue.

    blender --enable-event-simulate --python drive_day.py -- ADDRESS SHOTS day|evening

``day`` ends by closing Blender while takes are made; ``evening`` opens the file again.
"""

import statistics
import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import day_edit
import desk
from desk import (
    CANCEL,
    FILL,
    GENERATE,
    MODULE,
    SEEDS,
    board,
    busy,
    check,
    frames_of,
    part,
    say,
    scene,
    select,
    sounds,
    states,
    strips,
    wait_until,
    wait_while_busy,
)
from hands import Hands

ADDRESS, SHOTS, TIME_OF_DAY = sys.argv[sys.argv.index("--") + 1 :]
REPEATS = 5
KEEP = "sequencer.foley_take_keep()", 274, 525
NEW_SEEDS = "sequencer.foley_takes_new()", 274, 545
SEED = "foley.seed", 150, 254
SOUND = "foley.sound", 150, 168
SPEAKER_FROM_RIGHT_PX, LIST_PX = 87, 400
HEADER_FROM_RIGHT_PX, ADVANCED_PX, OUTPUT_PX, ACTIVE_TAKE_PX = 250, 32, 58, 33
"""Headers, which are no buttons: below the seed, and below New Seeds."""
ANY_CROSS, LAST_ROW_PX = 'sequencer.foley_cancel(job="', 600
"""One of the last rows, whosever: on a fast machine a job leaves its row before it is found."""
CANCEL_ALL = "sequencer.foley_cancel()", 310, 647
CLICKS_MAX = 5
"""The list moves up when a job ends; a click at that very moment hits nothing."""
HIGH_PX = 760
"""Of the Sequencer, so that the whole Queue is in sight."""


def sit_down(file: str):
    """Open a file, with room for the sidebar."""
    bpy.ops.wm.open_mainfile(filepath=str(Path.cwd() / file))
    yield 1
    hands = Hands(Path(SHOTS))
    x, edge = hands.area.x + 300, hands.area.y + hands.area.height
    yield from hands.move(x, edge)  # onto the edge: nothing else is under the pointer then
    with bpy.context.temp_override(window=hands.window):
        bpy.ops.screen.area_move(x=x, y=edge, delta=max(0, HIGH_PX - hands.area.height))
    yield from hands.open_panel()
    with bpy.context.temp_override(
        window=hands.window, area=hands.area, region=hands.region("WINDOW")
    ):
        bpy.ops.sequencer.view_all()
    scene().foley.random_seed = False
    scene().foley.loudness = "BROADCAST"
    bpy.ops.ed.undo_push(message="Ready")
    yield 1
    return hands


def generate(hands: Hands, takes: int = 1):
    scene().foley.seed, scene().foley.takes = next(SEEDS), takes
    yield from hands.press(*GENERATE)
    yield from wait_until(busy, 5)


def first_progress(hands: Hands):
    """From the click to the first progress; the first time the server loads its model."""
    took_s = []
    place = yield from hands.find(*GENERATE)
    for _ in range(REPEATS + 1):
        select("workshop")
        scene().foley.seed, scene().foley.takes = next(SEEDS), 1
        yield from hands.click(*place)
        clicked_s = time.monotonic() - hands.AFTER_CLICK_S
        yield from wait_until(lambda: "RUNNING" in states())
        took_s.append(time.monotonic() - clicked_s)
        yield from hands.press(*CANCEL)
        yield from wait_until(lambda: not busy())
        bpy.ops.sequencer.foley_clear()
    text = ", ".join(f"{one:.2f}" for one in took_s[1:])
    say(f"MEASURED click to first progress: {took_s[0]:.2f} s, not yet connected; then {text} s")
    say(f"MEASURED click to first progress, median: {statistics.median(took_s[1:]):.2f} s")


def three_takes(hands: Hands):
    select("workshop")
    yield from generate(hands, takes=3)
    yield from wait_while_busy(lambda: board().fraction > 0.4)
    hands.shot("generate")
    yield from wait_until(lambda: not busy())
    yield 0.5
    check("three takes", len(sounds()) == 3, sorted(strips()))
    heard = [s.name for s in sounds() if not s.mute]
    check("one is heard", len(heard) == 1, heard)
    ranked = [t.name for t in part("take_strips").active_group(scene()).shown()]
    check("the best is", heard == ranked[:1], ranked)
    hands.shot("three-takes")


def new_seeds(hands: Hands):
    select("workshop")
    yield 0.5
    before = set(strips())
    scene().foley.takes = 2
    yield from hands.press(*NEW_SEEDS)
    yield from wait_until(busy, 5)
    yield from wait_until(lambda: not busy())
    added = [s for s in sounds() if s.name not in before]
    check("new seeds", len(added) == 2, sorted(strips()))
    seeds = {s["foley"]["seed"] for s in sounds()}
    check("all of other seeds", len(seeds) == 5, seeds)
    yield 0.5


def compare(hands: Hands):
    """The speakers of two rows; each take alone is heard."""
    select("workshop")
    yield 0.5
    ranked = [t.name for t in part("take_strips").active_group(scene()).shown()]
    for row in (1, 2):
        speaker = f'sequencer.foley_take_audition(take="{ranked[row]}")'
        yield from hands.press(speaker, SPEAKER_FROM_RIGHT_PX, LIST_PX)
        yield 0.5
        heard = [s.name for s in sounds() if not s.mute]
        check(f"audition of row {row + 1}", heard == [ranked[row]], (heard, ranked))
    hands.shot("takes")


def keep(hands: Hands):
    kept = next(s.name for s in sounds() if not s.mute)
    files = set(Path("foley").iterdir())
    before = set(strips())
    yield from hands.press(*KEEP)
    yield 0.5
    hands.shot("kept")
    check("keep", [s.name for s in sounds()] == [kept], sorted(strips()))
    check("files stay", set(Path("foley").iterdir()) == files)
    yield from hands.key("Z", ctrl=True)
    yield 0.5
    check("one undo brings the others back", set(strips()) == before, sorted(strips()))
    hands.shot("kept-undone")


def settings(hands: Hands):
    """The list of sounds, and what is folded at first: the active take, Advanced and Output."""
    select("workshop")
    yield 0.5
    yield from hands.press(*SOUND)
    yield 0.5
    hands.shot("sounds")
    yield from hands.key("ESC")
    active_px = ACTIVE_TAKE_PX + (yield from hands.sidebar.centre(*NEW_SEEDS))
    yield from hands.click_from_right(HEADER_FROM_RIGHT_PX, active_px)
    yield 0.5
    hands.shot("active-take")
    yield from hands.click_from_right(HEADER_FROM_RIGHT_PX, active_px)
    seed_px = yield from hands.sidebar.centre(*SEED)
    for below_px in (OUTPUT_PX, ADVANCED_PX):
        yield from hands.click_from_right(HEADER_FROM_RIGHT_PX, seed_px + below_px)
        yield 0.5
    hands.shot("settings")
    for below_px in (ADVANCED_PX, OUTPUT_PX):
        yield from hands.click_from_right(HEADER_FROM_RIGHT_PX, seed_px + below_px)
        yield 0.5


def failure(hands: Hands):
    """A movie vanishes behind the artist's back; it comes back, and Retry makes the take."""
    scene().foley.takes = 4
    select("workshop")
    yield from generate(hands, takes=4)
    before = len(sounds())
    select("borrowed")
    yield from generate(hands)
    Path("borrowed.mp4").rename("elsewhere.mp4")
    yield from wait_until(lambda: "FAILED" in states() and not busy())
    yield 0.5
    hands.shot("failed")
    problem = next(job.problem for job in board().jobs.values() if job.problem)
    check("says which file", "borrowed.mp4" in problem.message and bool(problem.remedy), problem)
    Path("elsewhere.mp4").rename("borrowed.mp4")
    bpy.ops.sequencer.foley_retry()
    yield from wait_until(lambda: not busy())
    check("retried", len(sounds()) == before + 5, (before, len(sounds()), states()))
    yield 0.5
    bpy.ops.sequencer.foley_clear()


def presets(hands: Hands):
    foley = scene().foley
    foley.quality, foley.takes, foley.fade_frames = "DRAFT", 4, 6
    yield from hands.click_from_right(67, 13)
    yield 1
    hands.shot("presets")
    yield from hands.key("ESC")
    bpy.ops.sequencer.foley_preset_add(name="Quick Look")
    foley.quality, foley.takes, foley.fade_frames = "BEST", 1, 0
    path = next(
        p for p in map(Path, bpy.utils.preset_paths("foleyline")) if (p / "Quick_Look.py").exists()
    )
    bpy.ops.script.execute_preset(
        filepath=str(path / "Quick_Look.py"), menu_idname="SEQUENCER_PT_foley_presets"
    )
    told = (foley.quality, foley.takes, foley.fade_frames)
    check("a preset brings everything back", told == ("DRAFT", 4, 6), told)
    foley.quality, foley.takes, foley.fade_frames = "STANDARD", 1, 0
    yield 0.5


def preferences(hands: Hands):
    addon = bpy.context.preferences.addons[MODULE].preferences
    addon.property_unset("address")
    addon.property_unset("start_server")
    bpy.ops.preferences.addon_show(module=MODULE)
    yield 2
    hands.shot("preferences")
    desk.set_up(ADDRESS)
    windows = bpy.context.window_manager.windows
    check("preferences open", len(windows) == 2, len(windows))
    with bpy.context.temp_override(window=windows[-1]):
        bpy.ops.wm.window_close()
    yield 0.5
    bpy.ops.foleyline.copy_diagnostics()
    text = bpy.context.window_manager.clipboard
    good = "Foleyline" in text and str(Path.home()) not in text
    check("diagnostics", good, len(text))


def fill(hands: Hands):
    """Thirty cuts: what the preview says, then all of them, one of them cancelled."""
    part("pump").times.__init__()
    scene().foley.seed, scene().foley.takes = next(SEEDS), 1
    select("cut 22")
    start_s = time.monotonic()
    yield from hands.press(*FILL)
    yield 1
    hands.shot("fill-preview")
    yield from hands.key("RET")
    yield from wait_until(busy, 5)
    jobs = list(board().jobs.values())
    check("the same picture is one job", len(jobs) == 28, len(jobs))
    yield from wait_while_busy(lambda: states().count("DONE") >= 5)
    yield 0.3
    hands.shot("filling")
    yield from wait_until(lambda: not busy())
    yield 0.5
    say(f"MEASURED fill of 30 cuts: {time.monotonic() - start_s:.1f} s")
    hands.shot("filled")
    wanted = {f"cut {number}" for number in range(day_edit.CUTS)} - set(day_edit.UNFIT)
    found = [s["foley"]["source_strip"] for s in sounds()]
    check("every cut has its take", sorted(found) == sorted(wanted), wanted ^ set(found))
    wrong = [
        s.name for s in sounds() if frames_of(s) != frames_of(strips()[s["foley"]["source_strip"]])
    ]
    check("as long as its cut", not wrong, wrong)
    desk.say_times()


def cancel_fill(hands: Hands):
    """One is cancelled in the Queue, then all."""
    bpy.ops.sequencer.foley_clear()
    before = len(sounds())
    scene().foley.seed, scene().foley.quality = next(SEEDS), "DRAFT"
    with bpy.context.temp_override(
        window=hands.window, area=hands.area, region=hands.region("WINDOW")
    ):
        bpy.ops.sequencer.foley_fill(scope="ALL")
    select("cut 22")  # muted: without takes, so that the Queue is in full view
    yield from wait_while_busy(lambda: states().count("DONE") >= 3)
    for _ in range(CLICKS_MAX):
        yield from hands.press(ANY_CROSS, CANCEL[1], LAST_ROW_PX)
        yield 0.5
        if "CANCELLED" in states():
            break
    check("one is cancelled", states().count("CANCELLED") == 1 and busy(), states())
    yield 0.3
    hands.shot("one-cancelled")
    yield from hands.press(*CANCEL_ALL)
    pressed_s = time.monotonic()
    yield from wait_until(lambda: not busy(), 20)
    say(f"MEASURED cancelling all: {time.monotonic() - pressed_s:.2f} s")
    yield 0.5
    hands.shot("cancelled")
    done, stopped = states().count("DONE"), states().count("CANCELLED")
    check("the others are cancelled", done + stopped == 28 and stopped > 5, states())
    check("what was made stays", len(sounds()) > before, len(sounds()))
    scene().foley.quality = "STANDARD"


def go_home(hands: Hands):
    """Save, ask for one more, and close Blender while it is made."""
    select("cut 8")
    scene().foley.takes = 1
    bpy.ops.wm.save_mainfile()
    yield from generate(hands)
    yield from wait_until(lambda: "RUNNING" in states())
    Path("evening.txt").write_text(f"{len(sounds())}", encoding="utf-8")


def evening():
    """Another Blender: all takes are there, and the one that was made meanwhile comes home."""
    hands = yield from sit_down("film.blend")
    before = int(Path("evening.txt").read_text(encoding="utf-8"))
    yield from wait_until(lambda: len(sounds()) == before + 1 and not busy(), 30)
    select("cut 8")
    yield 1
    hands.shot("evening")
    group = part("take_strips").active_group(scene())
    check("it came home", len(group.takes) >= 2, [t.name for t in group.takes])
    shown = [t["foley"]["number"] for t in group.shown()]
    check("the list is there", len(shown) == len(group.takes), shown)


def day():
    day_edit.one_cut()
    hands = yield from sit_down("one.blend")
    for story in (
        first_progress, three_takes, new_seeds, compare, keep, settings, failure, presets,
        preferences,
    ):  # fmt: skip
        say("STORY", story.__name__)
        yield from story(hands)
    bpy.ops.wm.save_mainfile()
    day_edit.film()
    hands = yield from sit_down("film.blend")
    for story in (fill, cancel_fill, go_home):
        say("STORY", story.__name__)
        yield from story(hands)


desk.set_up(ADDRESS)
desk.play(day if TIME_OF_DAY == "day" else evening)
