"""The sidebar's buttons, found by what they do. Where they are depends on the rows above them.

A place written down is out of date as soon as a panel gets a row, or shows one only for some
models. So the pointer goes down the sidebar and asks Blender what it is over.
"""

from collections.abc import Iterator

import bpy

HOVER_S = 0.02
STEP_PX = 8
"""Less than half a button's height: none is stepped over."""


class ButtonMissing(Exception):
    """No button of the sidebar does that."""


class Sidebar:
    """The sidebar of an area, in pixels from its right edge and its top."""

    def __init__(self, window: bpy.types.Window, area: bpy.types.Area) -> None:
        self.window, self.area = window, area

    @property
    def region(self) -> bpy.types.Region:
        return next(r for r in self.area.regions if r.type == "UI")

    def place(self, right_px: int, below_px: int) -> tuple[int, int]:
        """In pixels of the window."""
        return (
            self.region.x + self.region.width - right_px,
            self.region.y + self.region.height - below_px,
        )

    def redraw(self) -> None:
        """Draw now: until then Blender's buttons are those of the picture before."""
        self.region.tag_redraw()
        with bpy.context.temp_override(window=self.window, area=self.area):
            bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)

    def under_pointer(self) -> str:
        """What the button there does, as Python, or the property it shows; empty if none."""
        with bpy.context.temp_override(window=self.window, area=self.area, region=self.region):
            for ask in (bpy.ops.ui.copy_python_command_button, bpy.ops.ui.copy_data_path_button):
                if ask.poll():
                    ask()
                    return bpy.context.window_manager.clipboard.removeprefix("bpy.ops.")
        return ""

    def hover(self, right_px: int, below_px: int):
        """What is there. One move leaves a button, and only the next one enters another."""
        x, y = self.place(right_px, below_px)
        for step in (-2, -1, 0):
            self.window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=x + step, y=y)
            yield HOVER_S
        return self.under_pointer()

    def find(self, does: str, right_px: int, near_px: int):
        """How far below the top the first button is whose deed begins so, to a few pixels.

        Raises:
            ButtonMissing: there is none in sight; says which there are.
        """
        self.redraw()
        seen: dict[str, int] = {}
        for below_px in self._outwards(near_px):
            found = yield from self.hover(right_px, below_px)
            if found.startswith(does):
                return below_px
            seen.setdefault(found, below_px)
        told = ", ".join(f"{what} at {seen[what]}" for what in sorted(seen, key=seen.get) if what)
        raise ButtonMissing(f"no {does}, {right_px} px from the right; there are: {told}")

    def centre(self, does: str, right_px: int, near_px: int):
        """How far below the top its centre is, for what lies beside it and is no button."""
        hit_px = yield from self.find(does, right_px, near_px)
        edges = []
        for step in (-1, 1):
            below_px = hit_px
            while (yield from self.hover(right_px, below_px + step)) == does:
                below_px += step
            edges.append(below_px)
        return sum(edges) // 2

    def _outwards(self, near_px: int) -> Iterator[int]:
        """From the place where it was last seen, up and down in turn."""
        high_px = self.region.height
        for away_px in range(0, high_px, STEP_PX):
            for below_px in {near_px - away_px, near_px + away_px}:
                if 0 < below_px < high_px:
                    yield below_px
