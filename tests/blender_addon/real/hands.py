"""An artist's hands in the Sequencer: every click and key goes through Blender's event queue."""

import os
from pathlib import Path

import bpy
from sidebar import ButtonMissing, Sidebar

TRIES = 3
"""The sidebar may move under the hand, when a job ends."""


class Hands:
    """Clicks and keys in the Sequencer."""

    AFTER_CLICK_S = 0.1
    latest: "Hands | None" = None
    """Those that did something last, to say at a failure what that was."""

    def __init__(self, shots: Path) -> None:
        self.shots = shots
        self.window = bpy.context.window_manager.windows[0]
        self.area = next(
            a
            for a in self.window.screen.areas
            if a.type == "SEQUENCE_EDITOR" and a.spaces.active.view_type == "SEQUENCER"
        )
        self.sidebar = Sidebar(self.window, self.area)
        self.did = "nothing yet"
        Hands.latest = self

    def region(self, kind: str):
        return next(r for r in self.area.regions if r.type == kind)

    def key(self, kind: str, **modifiers: bool):
        x, y = self.area.x + self.area.width // 3, self.area.y + 120
        yield from self.move(x, y)
        self.did = f"key {kind} {modifiers or ''}"
        self.window.event_simulate(type=kind, value="PRESS", x=x, y=y, **modifiers)
        yield 0.1
        self.window.event_simulate(type=kind, value="RELEASE", x=x, y=y, **modifiers)
        yield 0.4

    def click(self, x: int, y: int, on: str = "a place"):
        yield from self.move(x, y)
        yield from self._press_and_release(x, y, on)

    def _press_and_release(self, x: int, y: int, on: str):
        self.did = f"click on {on} at {x}, {y}; under the pointer: {self.sidebar.under_pointer()!r}"
        self.window.event_simulate(type="LEFTMOUSE", value="PRESS", x=x, y=y)
        yield 0.1
        self.window.event_simulate(type="LEFTMOUSE", value="RELEASE", x=x, y=y)
        yield self.AFTER_CLICK_S

    def move(self, x: int, y: int):
        for step in (-8, -3, 0):
            self.window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=x + step, y=y)
            yield 0.1

    def open_panel(self):
        self.area.spaces.active.show_region_ui = True
        yield 1.5  # its tabs are known once it has been drawn
        self.region("UI").active_panel_category = "Foley"
        yield 0.5

    def find(self, does: str, right_px: int, near_px: int):
        """Where in the window the sidebar's button is that does this, as Python.

        For a click that is timed: the search itself delays what happens in the next half second.
        """
        below_px = yield from self.sidebar.find(does, right_px, near_px)
        yield 1
        return self.sidebar.place(right_px, below_px)

    def press(self, does: str, right_px: int, near_px: int):
        """Find the button whose deed begins so and click it; the search begins at that height.

        Raises:
            ButtonMissing: it is not there, or goes away each time that the hand is over it.
        """
        for _ in range(TRIES):
            below_px = yield from self.sidebar.find(does, right_px, near_px)
            x, y = self.sidebar.place(right_px, below_px)
            yield from self.move(x, y)
            if self.sidebar.under_pointer().startswith(does):
                yield from self._press_and_release(x, y, does)
                return
        raise ButtonMissing(f"{does} does not stay in its place")

    def click_from_right(self, right_px: int, below_px: int):
        """Click in the sidebar where there is no operator's button: a header, a popover."""
        self.sidebar.redraw()
        yield from self.click(*self.sidebar.place(right_px, below_px))

    def shot(self, name: str) -> Path:
        for kind in ("UI", "WINDOW"):
            self.region(kind).tag_redraw()
        self.sidebar.redraw()
        path = self.shots / f"{name}.png"
        command = "ffmpeg -loglevel error -y -f x11grab -draw_mouse 0 -video_size 1600x900"
        os.system(f"{command} -i $DISPLAY -frames:v 1 {path}")
        return path


def last_deed() -> str:
    """What the hands did last, and where a picture of what came of it lies."""
    hands = Hands.latest
    if hands is None:
        return "no hands were at work"
    return f"the last deed: {hands.did}; the screen: {hands.shot('broken')}"
