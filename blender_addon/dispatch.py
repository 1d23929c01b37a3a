"""Jobs on their way to the server: held until it is known, rendered if need be, sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from foleyline_contract.errors import FoleyError, InputError
from foleyline_contract.messages import Origin
from foleyline_contract.quality import steps_for
from foleyline_contract.requests import NAME_MAX_CHARS

from . import notices as n
from . import rendering
from .board import Link as LinkState
from .delivery import cancelled
from .folders import own_folder
from .jobs import Job, State
from .link import link
from .render_job import clear_leftovers

if TYPE_CHECKING:
    from .render_job import Outcome, RenderJob

SEND_LIMIT_S = 0.001
"""The rest of a large fill is sent at the next ticks."""
RENDERS_MAX = 2
"""Blenders at work beside the artist's own."""
_SHOTS_MAX = 16
"""Rendered by one of them, so that the other has its share of a fill."""
_LEAST_PX = (224, 224)
"""For a server that names no bundle."""


@dataclass(slots=True)
class _Render:
    work: RenderJob
    jobs: list[Job]


_renders: list[_Render] = []


def step() -> bool:
    """Move jobs on; whether anything happened that took Blender some time."""
    board = link.board
    for render in list(_renders):
        _watch(render)
    link.forget_all(board.in_state(State.CANCELLED))
    held = board.in_state(State.HELD)
    if not held or board.connecting:
        return False
    if board.link in (LinkState.OFF, LinkState.FAILED):
        missing = n.Problem("server_unreachable", "There is no connection to the server.", "")
        for job in held:
            job.end(board.problem or missing)
        return False
    end_s = perf_counter() + SEND_LIMIT_S
    for job in held:
        if job.shot is None and perf_counter() < end_s:
            send(job)
    return _render_next([job for job in held if job.shot is not None])


def send(job: Job) -> None:
    """Hand a job, whose clip is known, to the server."""
    if job.clip is None:
        return
    _fill_in(job)
    job.state = State.WAITING
    place = job.note.places[0]
    origin = Origin(job.note.project[-NAME_MAX_CHARS:], place.strip_id, place.name[:NAME_MAX_CHARS])
    link.order(n.Submit(job.note, job.clip, job.settings, origin, job.batch))
    if job.away:
        link.order(n.Leave((job.job_id,)))
        link.board.drop({job.job_id})


def cancel(jobs: Sequence[Job]) -> None:
    """End jobs; those at the server end within one sampling step."""
    leaving = {job.job_id for job in jobs}
    last = all(job.job_id in leaving for job in link.board.open_jobs)
    for job in jobs:
        if job.state in (State.HELD, State.RENDERING):
            job.end(cancelled())
        elif job.is_open and not job.cancelling:
            job.cancelling = True
            link.order(n.Withdraw(job.job_id, last))
    for render in _renders:
        if not any(job.is_open for job in render.jobs):
            render.work.cancel()


def abandon() -> None:
    """End all rendering: the add-on is going away."""
    for render in _renders:
        render.work.abandon()
    _renders.clear()


def _fill_in(job: Job) -> None:
    """Turn the quality into steps, now that the bundle is known."""
    info = link.board.bundle(job.settings.bundle)
    if job.quality is not None and info is not None and job.settings.steps is None:
        steps = steps_for(job.quality, info.steps)
        if steps != info.steps:
            job.settings = replace(job.settings, steps=steps)


def _render_next(held: list[Job]) -> bool:
    """Start another Blender on the next strips, if there is room for one."""
    if not held or len(_renders) >= RENDERS_MAX:
        return False
    jobs = held[:_SHOTS_MAX]
    info = link.board.bundle(jobs[0].settings.bundle)
    least_px = (info.picture_width_px, info.picture_height_px) if info else _LEAST_PX
    shots = [job.shot for job in jobs if job.shot is not None]
    movies = own_folder("movies")
    _clear_once(movies)
    try:
        work = rendering.start(shots, least_px, movies)
    except InputError as error:
        for job in jobs:
            _refuse(job, error)
        return True
    for job in jobs:
        job.state, job.stage = State.RENDERING, "rendering"
    _renders.append(_Render(work, jobs))
    return True


@cache
def _clear_once(movies: Path) -> None:
    clear_leftovers(movies)


def _watch(render: _Render) -> None:
    for outcome in render.work.poll():
        _take_in(render, outcome)
    for job in render.jobs:
        if job.state is State.RENDERING:
            job.step, job.steps = round(100 * render.work.fraction), 100
    if render.work.ended:
        _renders.remove(render)


def _take_in(render: _Render, outcome: Outcome) -> None:
    job = next((job for job in render.jobs if job.shot == outcome.shot), None)
    if job is None or job.state is not State.RENDERING:
        return
    if outcome.clip is None:
        _refuse(job, outcome.error or FoleyError("The picture could not be rendered."))
        return
    job.clip, job.stage = outcome.clip, "queued"
    job.step = job.steps = 0
    send(job)


def _refuse(job: Job, error: FoleyError) -> None:
    problem = n.Problem.of(error)
    job.end(problem)
    link.board.refuse(problem)
