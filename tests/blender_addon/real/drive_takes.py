"""Takes in a real Blender with its interface: the list is seen, clicked and dragged.

    blender --enable-event-simulate --python drive_takes.py -- SHOTS_FOLDER

Without a server and without the rest of the add-on, as ``check_takes.py``, whose hands it uses.
"""

import os
import sys
import traceback
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import check_takes as c
from hands import Hands, last_deed

WORDS_PX, SPEAKER_PX, CROSS_LEFT_OF_IT_PX = 190, 288, 24
SECOND_ROW_PX, KEEP_PX, DETAILS_PX = 123, 227, 281
"""Where things are in the sidebar, from its left and top, at interface scale 1."""
SHOTS = Path(sys.argv[sys.argv.index("--") + 1])


def edit() -> None:
    c.scene().render.fps, c.scene().render.fps_base = c.FPS, 1.0
    c.scene().frame_end = 200
    shot = c.new_picture("shot.mp4", 20, 96, channel=6)
    scores = (-0.4, -0.1, -0.9, -1.6)
    c.place(shot, "job", c.three("job", 96, scores), fade_frames=8)
    silent = c.Take(c.wav("silent", 96), 0, 1, 7, -0.3, None, ("near_silent",))
    c.place(shot, "silent", [silent])
    c.operator("foley_take_star", take="shot take 2")
    c.operator("foley_take_reject", take="shot take 4")
    c.activate("shot.mp4")
    c.undo_push("edit")


def on_strip(hands: Hands, name: str) -> tuple[int, int]:
    """A strip's middle, in the window's pixels."""
    strip, region = c.strips()[name], hands.region("WINDOW")
    first, end = c.span(strip)
    x, y = region.view2d.view_to_region((first + end) / 2, strip.channel + 0.4)
    return region.x + x, region.y + y


def story(hands: Hands):
    with bpy.context.temp_override(
        window=hands.window, area=hands.area, region=hands.region("WINDOW")
    ):
        bpy.ops.sequencer.view_all()
    yield from hands.open_panel()
    hands.shot("takes-list")
    yield 0.5
    for strip in c.strips():
        strip.select = False
    yield from hands.click(*on_strip(hands, "shot.mp4"))
    yield 0.3
    selected = {s.name for s in c.strips() if s.select}
    c.check("a click selects the takes too", len(selected) == 6, selected)
    before = {s.name: c.span(s) for s in c.strips()}
    x, y = on_strip(hands, "shot.mp4")
    yield from hands.key("G")
    hands.window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=x + 60, y=y)
    yield 0.2
    for kind in ("ONE", "TWO", "RET"):
        hands.window.event_simulate(type=kind, value="PRESS", x=x + 60, y=y)
        yield 0.2
        hands.window.event_simulate(type=kind, value="RELEASE", x=x + 60, y=y)
        yield 0.2
    shifts = {c.span(s)[0] - before[s.name][0] for s in c.strips()}
    c.check("a drag moves all", len(shifts) == 1 and shifts != {0}, shifts)
    yield from hands.key("Z", ctrl=True)
    back = {s.name: c.span(s) for s in c.strips()}
    c.check("one undo moves all back", back == before, back)
    yield from listing(hands)


def listing(hands: Hands):
    c.activate("shot.mp4")
    hands.shot("takes-before-click")
    yield 0.5
    ui = hands.region("UI")
    left, top = ui.x, ui.y + ui.height
    yield from hands.click(left + WORDS_PX, top - SECOND_ROW_PX)
    yield 0.3
    active = c.scene().sequence_editor.active_strip.name
    c.check("a click in the list makes a take active", active == "shot take 1", active)
    c.check("and silences nothing", c.heard(c.strips()["shot.mp4"]) == ["shot take 2"])
    hands.shot("takes-chosen")
    yield from hands.click(left + SPEAKER_PX, top - SECOND_ROW_PX)
    yield 0.3
    heard = c.heard(c.strips()["shot.mp4"])
    c.check("the row's speaker auditions it", heard == ["shot take 1"], heard)
    yield from hands.click(left + SPEAKER_PX - CROSS_LEFT_OF_IT_PX, top - SECOND_ROW_PX)
    yield 0.3
    shown = [t.name for t in c.part("take_strips").active_group(c.scene()).shown()]
    c.check("its cross rejects it", "shot take 1" not in shown, shown)
    heard = c.heard(c.strips()["shot.mp4"])
    c.check("and the best of the others is heard", heard == ["shot take 2"], heard)
    yield from hands.key("Z", ctrl=True)
    yield 0.3
    heard = c.heard(c.strips()["shot.mp4"])
    c.check("one undo takes that back", heard == ["shot take 1"], heard)
    hands.shot("takes-audition")
    yield from folded(hands, left, top)


def folded(hands: Hands, left: int, top: int):
    """The details, which are closed at first, and one undo after Keep."""
    yield from hands.click(left + 60, top - DETAILS_PX)
    yield 0.5
    ui = hands.region("UI")
    for value in ("PRESS", "RELEASE") * 12:
        x, y = ui.x + 100, ui.y + 100
        hands.window.event_simulate(type="WHEELDOWNMOUSE", value=value, x=x, y=y)
        yield 0.05
    hands.shot("takes-details")
    for value in ("PRESS", "RELEASE") * 20:
        hands.window.event_simulate(type="WHEELUPMOUSE", value=value, x=x, y=y)
        yield 0.05
    yield 0.5
    yield from hands.click(left + 80, top - KEEP_PX)
    yield 0.3
    kept = c.names(c.strips()["shot.mp4"])
    c.check("Keep", kept == ["shot take 1"], kept)
    yield from hands.key("Z", ctrl=True)
    yield 0.3
    back = c.names(c.strips()["shot.mp4"])
    c.check("one undo brings the others back", len(back) == 5, back)
    screen = hands.window.screen
    with bpy.context.temp_override(
        window=hands.window, area=hands.area, region=hands.region("WINDOW")
    ):
        c.operator("foley_take_audition", take=back[1], play=True)
    yield 0.5
    c.check("it plays", screen.is_animation_playing)
    with bpy.context.temp_override(window=hands.window, area=hands.area):
        bpy.ops.screen.animation_cancel()


def main() -> None:
    bpy.context.preferences.view.show_splash = False
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    c.load()
    steps = None

    def tick() -> float | None:
        nonlocal steps
        try:
            if steps is None:
                edit()
                steps = story(Hands(SHOTS))
            return next(steps) or 0.1
        except StopIteration:
            print("DONE", flush=True)
        except Exception:  # noqa: BLE001 - Blender would wait for ever
            traceback.print_exc()
            print(last_deed(), flush=True)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    bpy.app.timers.register(tick, first_interval=3, persistent=True)


main()
