"""Jobs that were left behind come home: by a crash, a closed file or another machine.

What lies at the server unacknowledged is looked through whenever a connection is made or a
file loaded. Jobs for strips of the open file are adopted; others are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from foleyline_contract.messages import JobInfo

from . import anchors, compat, folders
from . import notices as n
from . import take_strips as ts
from .jobs import Job, State
from .link import link
from .naming import DEFAULT_PATTERN
from .notebook import Note


def step() -> bool:
    """Look through what was found; whether there was anything to look through."""
    found, link.board.found = link.board.found, None
    if found is None:
        return False
    strips = _strips()
    forgotten: set[str] = set()
    for info in found.jobs:
        if info.job_id in link.board.jobs or info.job_id in link.unsaved:
            continue
        note = found.notes.get(info.job_id) or _note_from(info, strips)
        if note is None or not _is_ours(note, strips):
            continue
        if info.state == "cancelled":
            forgotten.add(info.job_id)
        else:
            _adopt(note, info)
    link.forget(forgotten)
    return True


def has_unfinished_business() -> bool:
    """Whether notes say that takes for strips of the open file are still to come."""
    notes = folders.notebook().all()
    strips = _strips() if notes else {}
    return any(_is_ours(note, strips) for note in notes)


def _adopt(note: Note, info: JobInfo) -> None:
    request = info.request
    job = Job(note, request.settings, request.clip, batch=request.batch, state=State.WAITING)
    job.fraction = info.fraction
    link.board.open(job)
    link.order(n.Adopt(note, info))


def _strips() -> dict[str, Any]:
    """Picture strips of all scenes, by id; those without one by scene and name."""
    return {
        strip.get(ts.ID_KEY) or f"{scene.name}\0{strip.name}": strip
        for scene, strip in _all()
        if strip.type != "SOUND"
    }


def _all() -> Iterator[tuple[Any, Any]]:
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:
            for strip in compat.all_strips_in(scene.sequence_editor):
                yield scene, strip


def _is_ours(note: Note, strips: dict[str, Any]) -> bool:
    """Whether one of a job's strips is in this file.

    A file that was not saved after the click has no id on the strip, only its name and source.
    """
    if any(place.strip_id in strips for place in note.places):
        return True
    if note.project != folders.project_name():
        return False
    unmarked = [(p, strips.get(f"{p.scene_name}\0{p.name}")) for p in note.places]
    return any(strip and getattr(strip, "filepath", "") == place.path for place, strip in unmarked)


def _note_from(info: JobInfo, strips: dict[str, Any]) -> Note | None:
    """A note for a job of which nothing was noted here: it was sent from another machine."""
    strip = strips.get(info.request.origin.strip)
    if strip is None:
        return None
    place = anchors.anchor_of(strip)
    target = folders.target(
        DEFAULT_PATTERN, scene=place.scene_name, strip=place.name, model=info.bundle
    )
    return Note(info.job_id, (place,), folders.project_name(), target)
