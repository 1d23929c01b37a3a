"""What happens when a file is loaded or saved."""

from __future__ import annotations

import bpy

from . import adoption, connection, dispatch, splitting
from . import notices as n
from .jobs import State
from .link import link

_before_load: list[str] = []
"""The file that was open, while another one is loaded."""


@bpy.app.handlers.persistent
def _load_pre(*_arguments: object) -> None:
    _before_load[:] = [bpy.data.filepath]


@bpy.app.handlers.persistent
def _load_post(*_arguments: object) -> None:
    """The strips of all jobs are gone; look whether jobs for the new ones are at the server."""
    before = _before_load.pop() if _before_load else ""
    splitting.cancel()
    link.part(keep_unsaved=bool(before) and before == bpy.data.filepath)
    leave_all()
    if link.alive:
        link.order(n.LookAround())
    elif not bpy.app.background and adoption.has_unfinished_business():
        connection.connect(bpy.context)


@bpy.app.handlers.persistent
def _save_post(*_arguments: object) -> None:
    """The takes on the timeline are in a file now."""
    link.forget(set(link.unsaved))


_HANDLERS = ((_load_pre, "load_pre"), (_load_post, "load_post"), (_save_post, "save_post"))


def leave_all() -> None:
    """Leave the jobs of a file that is gone to the server; what is being rendered is still sent."""
    board = link.board
    staying = set[str]()
    for job in board.jobs.values():
        if job.state in (State.HELD, State.RENDERING):
            job.away = True
            staying.add(job.job_id)
    leaving = set(board.jobs) - staying
    if leaving:
        link.order(n.Leave(tuple(leaving)))
    board.drop(leaving)


def attach() -> None:
    for function, name in _HANDLERS:
        getattr(bpy.app.handlers, name).append(function)


def detach() -> None:
    for function, name in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(function)


def end() -> None:
    """The add-on is going away: jobs go on at the server, rendering does not."""
    dispatch.abandon()
    link.close()
