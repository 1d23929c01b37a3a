"""An artist's hands in the Sequencer: every click and key goes through Blender's event queue."""

import os
from pathlib import Path

import bpy


class Hands:
    """Clicks and keys in the Sequencer."""

    AFTER_CLICK_S = 0.1

    def __init__(self, shots: Path) -> None:
        self.shots = shots
        self.window = bpy.context.window_manager.windows[0]
        self.area = next(
            a
            for a in self.window.screen.areas
            if a.type == "SEQUENCE_EDITOR" and a.spaces.active.view_type == "SEQUENCER"
        )

    def region(self, kind: str):
        return next(r for r in self.area.regions if r.type == kind)

    def key(self, kind: str, **modifiers: bool):
        x, y = self.area.x + self.area.width // 3, self.area.y + 120
        yield from self.move(x, y)
        self.window.event_simulate(type=kind, value="PRESS", x=x, y=y, **modifiers)
        yield 0.1
        self.window.event_simulate(type=kind, value="RELEASE", x=x, y=y, **modifiers)
        yield 0.4

    def click(self, x: int, y: int):
        yield from self.move(x, y)
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

    def panel_row(self, below_px: int) -> tuple[int, int]:
        ui = self.region("UI")
        return ui.x + ui.width // 2 - 10, ui.y + ui.height - below_px

    def click_from_right(self, left_px: int, below_px: int):
        """Click in the sidebar, so far from its right edge and its top."""
        ui = self.region("UI")
        yield from self.click(ui.x + ui.width - left_px, ui.y + ui.height - below_px)

    def shot(self, name: str) -> None:
        for kind in ("UI", "WINDOW"):
            self.region(kind).tag_redraw()
        with bpy.context.temp_override(window=self.window, area=self.area):
            bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
        command = "ffmpeg -loglevel error -y -f x11grab -draw_mouse 0 -video_size 1600x900"
        os.system(f"{command} -i $DISPLAY -frames:v 1 {self.shots}/{name}.png")
