"""Generate Foley for the selected strips."""

from __future__ import annotations

import time
from typing import ClassVar

import bpy

from .. import compat, footage, generation, pump, report
from .. import notices as n
from ..words import several, tip

_BLOCKING_TICK_S = 0.02


class SEQUENCER_OT_foley_generate(bpy.types.Operator):
    """Generate sound that fits the picture of the selected strips"""

    bl_idname = "sequencer.foley_generate"
    bl_label = "Generate Foley"
    # No UNDO: each job is an undo step of its own when its takes come to lie.
    bl_options: ClassVar = set()

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if compat.sequencer_scene(context) is None:
            cls.poll_message_set("Open a scene in the Sequencer first")
            return False
        reason = footage.why_none(context)
        if reason is not None:
            cls.poll_message_set(reason)
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Wait for the result: for scripts and background use."""
        return wait_for(self, _begin(context))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Return at once; takes come when they are ready."""
        return tell(self, _begin(context))


def _begin(context: bpy.types.Context) -> generation.Begun:
    strips, skipped = footage.with_picture(context)
    begun = generation.begin(context, strips)
    begun.skipped[:0] = skipped
    return begun


def tell(operator: bpy.types.Operator, begun: generation.Begun) -> set[str]:
    """End an operator that waits for nothing: say what was begun, and what was not."""
    if begun.problem is not None:
        return refuse(operator, begun.problem, "WARNING")
    if begun.skipped:
        more = len(begun.skipped) - 1
        rest = several(more, "1 other was skipped.", "{count} others were skipped.") if more else ""
        operator.report({"WARNING"}, f"{begun.skipped[0]} {rest}".strip())
    pump.redraw()
    return {"FINISHED"}


def wait_for(operator: bpy.types.Operator, begun: generation.Begun) -> set[str]:
    """End an operator when all jobs have: their takes lie on the timeline, or there are none."""
    if begun.problem is not None:
        return refuse(operator, begun.problem, "ERROR")
    try:
        while not all(job.has_ended for job in begun.jobs):
            time.sleep(_BLOCKING_TICK_S)
            pump.turn()
    except KeyboardInterrupt:
        generation.cancel(begun.jobs)
        operator.report({"INFO"}, tip("Foley generation cancelled"))
        return {"CANCELLED"}
    advice = report.outcome(begun.jobs, begun.skipped)
    made = any(job.takes and not job.problem for job in begun.jobs)
    level = advice.level if made or advice.level == "INFO" else "ERROR"
    operator.report({level}, advice.text)
    return {"FINISHED"} if made else {"CANCELLED"}


def refuse(operator: bpy.types.Operator, problem: n.Problem, level: report.Level) -> set[str]:
    """End an operator that began nothing."""
    operator.report({level}, report.advice_for(problem).text)
    return {"CANCELLED"}


CLASSES = (SEQUENCER_OT_foley_generate,)
