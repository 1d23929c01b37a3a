"""The Queue panel: every job of this session and those found at the server."""

from __future__ import annotations

from time import perf_counter
from typing import cast

import bpy

from .. import notices as n
from .. import report
from ..jobs import Job, State
from ..link import link
from .base import FoleyPanel, draw_problem

_SHOWN_MAX = 12
"""Rows; a fill of hundreds would push everything else out of sight."""
_ORDER = (
    State.FAILED, State.RUNNING, State.RENDERING, State.LANDING, State.WAITING, State.HELD,
    State.CANCELLED, State.DONE,
)  # fmt: skip
"""What needs attention, then what is at work, then what waits, then what has ended."""


class SEQUENCER_PT_foley_queue(FoleyPanel, bpy.types.Panel):
    bl_label = "Queue"
    bl_parent_id = "SEQUENCER_PT_foley"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and bool(link.board.jobs or link.board.others)

    def draw(self, context: bpy.types.Context) -> None:
        layout = cast("bpy.types.UILayout", self.layout)
        board = link.board
        now_s = perf_counter()
        jobs = shown_first(list(board.jobs.values()))
        column = layout.column(align=True)
        explained: set[n.Problem | None] = {board.problem}  # the panel above tells
        for job in jobs[:_SHOWN_MAX]:
            _draw_job(column, job, now_s)
            problem = job.problem if job.state is State.FAILED else None
            if problem is not None and problem not in explained:
                draw_problem(column, context, problem)
                explained.add(problem)
        if len(jobs) > _SHOWN_MAX:
            text = report.more_text(len(jobs) - _SHOWN_MAX)
            column.label(text=text, icon="BLANK1", translate=False)
        row = layout.row(align=True)
        row.operator("sequencer.foley_cancel", text="Cancel All")
        row.operator("sequencer.foley_retry")
        row.operator("sequencer.foley_clear")
        others = report.others_text(board)
        if others:
            layout.label(text=others, icon="COMMUNITY", translate=False)


def shown_first(jobs: list[Job]) -> list[Job]:
    """Jobs in the order of the list; those that wait in the order in which they will be made."""
    return sorted(jobs, key=_place)


def _place(job: Job) -> tuple[int, int]:
    return _ORDER.index(job.state), job.ahead if job.state is State.WAITING else 0


def _draw_job(layout: bpy.types.UILayout, job: Job, now_s: float) -> None:
    row = layout.row(align=True)
    split = row.split(factor=0.45)
    split.label(text=job.label, icon=report.STATE_ICONS[job.state], translate=False)
    text = report.stage_text(job, link.board.link)
    if job.state is State.RUNNING and not job.cancelling:
        bar = report.progress_text(job.fraction, job.time_left_s(now_s))
        split.progress(factor=job.fraction, text=bar)
    else:
        split.label(text=text, translate=False)
    if job.state in (State.FAILED, State.CANCELLED):
        row.operator("sequencer.foley_retry", text="", icon="FILE_REFRESH").job = job.job_id
    else:
        row.label(text="", icon="BLANK1")  # so that the columns stand in line
    if job.state is State.LANDING:
        row.label(text="", icon="BLANK1")
    else:
        act = "sequencer.foley_cancel" if job.is_open else "sequencer.foley_clear"
        row.operator(act, text="", icon="X").job = job.job_id


CLASSES = (SEQUENCER_PT_foley_queue,)
