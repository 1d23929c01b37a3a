"""Takes come to their place: one at a time, one undo step for each job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from foleyline_contract.errors import InputError

from . import anchors, compat, takes
from . import notices as n
from . import take_strips as ts
from .jobs import Job, State
from .link import link
from .words import tip

UNDO_MESSAGE = "Generate Foley"


def step() -> bool:
    """Place one take of a job, or end a job; whether anything was done.

    One at a time, as Blender needs a few milliseconds for each. Nothing is done while a render
    runs or strips are being dragged.
    """
    job = next(iter(link.board.in_state(State.LANDING)), None)
    if job is None or not compat.may_edit(""):
        return False
    if job.landed == len(job.note.places):
        _conclude(job)
        return True
    placed = False
    try:
        placed = _place(job, job.note.places[job.landed])
    except InputError as error:
        job.problem = n.Problem.of(error)
        link.board.refuse(job.problem)
    job.landed += not placed
    return True


def used_settings(job: Job) -> dict[str, Any]:
    """The settings that a job's takes were made with, the bundle's own numbers filled in."""
    info = link.board.bundle(job.settings.bundle)
    used: dict[str, Any] = {"bundle": job.settings.bundle or link.board.default_bundle}
    for key in ("sampler", "steps", "cfg_scale", "align_scale", "vocoder"):
        asked = getattr(job.settings, key)
        used[key] = getattr(info, key, None) if asked is None else asked
    for key in ("loudness_lufs", "seed_family"):
        used[key] = getattr(job.settings, key)
    # Where one can be asked for, that none was is a fact, too.
    used["palette"] = job.settings.palette or ("" if info is not None and info.palette else None)
    if job.settings.seed_family is not None:
        used["variation"] = job.settings.variation
    if job.quality is not None:
        used["quality"] = job.quality
    if info is not None:
        used["bundle_sha256"], used["licence"] = info.sha256, info.licence
    return used


def _place(job: Job, anchor: anchors.Anchor) -> bool:
    """Place the best take that is missing; False when none is, or its strip is gone."""
    found = anchors.find(anchor)
    if found is None:
        job.remark = tip("The strip '{name}' is gone; its take was kept on disk.", name=anchor.name)
        return False
    if job.clip is None:
        return False
    if not found[1].get(ts.ID_KEY):
        # The file was not saved after the click: without its id nobody would know later whose
        # takes these are, should Blender end before the server is told that they lie here.
        found[1][ts.ID_KEY] = anchor.strip_id
    note = job.note
    placing = anchors.Placing(
        note.channel or None, note.before_frames, note.after_frames, note.fade_frames, note.pack
    )
    made = takes.Made(job.job_id, job.clip, used_settings(job), anchor, placing)
    return bool(takes.place(*found, job.takes, made, at_most=1))


def _conclude(job: Job) -> None:
    job.state = job.outcome
    if job.state is State.DONE:
        link.unsaved.add(job.job_id)
    push_undo(UNDO_MESSAGE)


def push_undo(message: str) -> None:
    """Make what was done an undo step of its own."""
    with _in_a_window():
        bpy.ops.ed.undo_push(message=message)


@contextmanager
def _in_a_window() -> Iterator[None]:
    """Timers run without a window, which undo wants where there are any."""
    windows = bpy.context.window_manager.windows
    if bpy.context.window is None and len(windows):
        with bpy.context.temp_override(window=windows[0]):
            yield
    else:
        yield
