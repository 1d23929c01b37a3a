"""The queue: cancel, retry, clear."""

from collections.abc import Sequence
from typing import ClassVar

import bpy

from .. import generation, pump, report, splitting
from ..jobs import Job, State
from ..link import link


def _jobs(job_id: str, states: Sequence[State]) -> list[Job]:
    """The job of that id, or all, as far as they are in one of these states."""
    jobs = list(link.board.jobs.values())
    return [job for job in jobs if job.state in states and job_id in ("", job.job_id)]


_OPEN = (State.HELD, State.RENDERING, State.WAITING, State.RUNNING)
_RETRIABLE = (State.FAILED, State.CANCELLED)
_ENDED = (State.DONE, *_RETRIABLE)


class SEQUENCER_OT_foley_cancel(bpy.types.Operator):
    """Stop generating Foley; takes that are finished are kept"""

    bl_idname = "sequencer.foley_cancel"
    bl_label = "Cancel"
    bl_options: ClassVar = {"INTERNAL"}

    job: bpy.props.StringProperty(name="Job", options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not (link.board.open_jobs or link.board.is_searching):
            cls.poll_message_set("No Foley is being generated")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        generation.cancel(_jobs(self.job, _OPEN))
        if not self.job:
            splitting.cancel()
        pump.redraw()
        return {"FINISHED"}


class SEQUENCER_OT_foley_retry(bpy.types.Operator):
    """Generate once more what failed or, when nothing did, what was cancelled"""

    bl_idname = "sequencer.foley_retry"
    bl_label = "Retry"
    bl_options: ClassVar = {"INTERNAL"}

    job: bpy.props.StringProperty(name="Job", options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not any(job.state in _RETRIABLE for job in link.board.jobs.values()):
            cls.poll_message_set("No job has failed or was cancelled")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        jobs = _jobs(self.job, _RETRIABLE)
        problem = None
        for job in [job for job in jobs if job.state is State.FAILED] or jobs:
            problem = generation.retry(context, job) or problem
        pump.redraw()
        if problem is not None:
            self.report({"WARNING"}, report.advice_for(problem).text)
            return {"CANCELLED"}
        return {"FINISHED"}


class SEQUENCER_OT_foley_clear(bpy.types.Operator):
    """Take jobs that have ended off this list; takes on the timeline stay"""

    bl_idname = "sequencer.foley_clear"
    bl_label = "Clear Finished"
    bl_options: ClassVar = {"INTERNAL"}

    job: bpy.props.StringProperty(name="Job", options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not any(job.has_ended for job in link.board.jobs.values()):
            cls.poll_message_set("No job has ended")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        generation.discard(_jobs(self.job, _ENDED))
        link.board.problem = None
        pump.redraw()
        return {"FINISHED"}


CLASSES = (
    SEQUENCER_OT_foley_cancel,
    SEQUENCER_OT_foley_retry,
    SEQUENCER_OT_foley_clear,
)
