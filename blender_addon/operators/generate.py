"""Generate Foley and Cancel."""

from __future__ import annotations

import time
from typing import ClassVar

import bpy

from .. import compat, generation, report, strips
from .. import notices as n
from ..pump import link

MODAL_TICK_S = 0.1
_BLOCKING_TICK_S = 0.02


class SEQUENCER_OT_foley_generate(bpy.types.Operator):
    """Generate sound that fits the picture of the selected movie strips"""

    bl_idname = "sequencer.foley_generate"
    bl_label = "Generate Foley"
    # No REGISTER: the redo panel would run the blocking way.
    bl_options: ClassVar = {"UNDO"}

    running: ClassVar[generation.Generation | None] = None
    """The one that goes on; operators of Blender cannot be asked for their instances."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if link.board.busy or cls.running is not None:
            cls.poll_message_set("Foley is being generated already; cancel it to start anew")
            return False
        if compat.sequencer_scene(context) is None:
            cls.poll_message_set("Open a scene in the Sequencer first")
            return False
        reason = strips.why_none(context)
        if reason is not None:
            cls.poll_message_set(reason)
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Wait for the result: for scripts and background use."""
        begun = generation.begin(context)
        if isinstance(begun, n.Problem):
            return self._refuse(begun, "ERROR")
        try:
            while not begun.ended:
                time.sleep(_BLOCKING_TICK_S)
                link.drain()
        except KeyboardInterrupt:
            begun.abandon()
            self.report({"INFO"}, "Foley generation cancelled")
            return {"CANCELLED"}
        problem = next((p.request.problem for p in begun.parts if p.request.problem), None)
        if not begun.has_takes and problem is not None:
            begun.insert()
            return self._refuse(problem, "ERROR")
        return self._conclude(begun)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Go on in the background of the interface."""
        begun = generation.begin(context)
        if isinstance(begun, n.Problem):
            link.board.problem = begun
            return self._refuse(begun, "WARNING")
        SEQUENCER_OT_foley_generate.running = begun
        manager = context.window_manager
        self._timer = manager.event_timer_add(MODAL_TICK_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        begun = SEQUENCER_OT_foley_generate.running
        if begun is None:  # abandoned: another file was loaded
            self._leave(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS" and not _plays(context):
            begun.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        if not begun.ended or not compat.may_edit("SEQUENCER_OT_foley_generate"):
            return {"PASS_THROUGH"}
        self._leave(context)
        return self._conclude(begun)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator: its window closes or another file is loaded."""
        if SEQUENCER_OT_foley_generate.running is not None:
            SEQUENCER_OT_foley_generate.running.abandon()
        self._leave(context)

    def _leave(self, context: bpy.types.Context) -> None:
        SEQUENCER_OT_foley_generate.running = None
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None

    def _refuse(self, problem: n.Problem, level: report.Level) -> set[str]:
        self.report({level}, report.advice_for(problem).text)
        return {"CANCELLED"}

    def _conclude(self, begun: generation.Generation) -> set[str]:
        changed = begun.has_takes
        advice = begun.insert()
        self.report({advice.level}, advice.text)
        return {"FINISHED"} if changed else {"CANCELLED"}


class SEQUENCER_OT_foley_cancel(bpy.types.Operator):
    """Stop generating Foley; strips that are finished already keep their takes"""

    bl_idname = "sequencer.foley_cancel"
    bl_label = "Cancel"
    bl_options: ClassVar = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if SEQUENCER_OT_foley_generate.running is None:
            cls.poll_message_set("No Foley is being generated")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if SEQUENCER_OT_foley_generate.running is not None:
            SEQUENCER_OT_foley_generate.running.cancel()
        return {"FINISHED"}


def abandon_running() -> None:
    """Drop what runs: its file or the add-on is going away."""
    running, SEQUENCER_OT_foley_generate.running = SEQUENCER_OT_foley_generate.running, None
    if running is not None:
        running.abandon()


@bpy.app.handlers.persistent
def abandon_on_load(*_arguments: object) -> None:
    """Another file is loaded: the strips that takes were meant for are gone."""
    abandon_running()


def _plays(context: bpy.types.Context) -> bool:
    """Whether ESC is meant for playback."""
    return context.screen is not None and context.screen.is_animation_playing


CLASSES = (SEQUENCER_OT_foley_generate, SEQUENCER_OT_foley_cancel)
