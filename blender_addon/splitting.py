"""Split at Shots: long strips are cut where another shot begins, then their pieces are filled.

Where that is the server finds out meanwhile; nothing is waited for here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import bpy

from foleyline_contract.codec import new_id
from foleyline_contract.messages import Clip

from . import anchors, compat, fill, fill_plan, generation, landing, pump, timing
from . import notices as n
from .connection import connect_if_needed
from .link import link
from .words import tip

_BLOCKING_TICK_S = 0.02
UNDO_MESSAGE = "Split at Shots"


@dataclass(slots=True)
class Search:
    """The long strips of one fill."""

    changes: Mapping[str, Any]
    options: fill_plan.Options
    waiting: dict[str, anchors.Anchor]
    """By what the question is called."""
    count: int
    """How many there were."""
    answers: list[tuple[anchors.Anchor, n.ShotsFound]] = field(
        default_factory=list[tuple[anchors.Anchor, n.ShotsFound]]
    )
    """Of strips that are still to be split."""
    pieces: list[anchors.Anchor] = field(default_factory=list[anchors.Anchor])
    failed: list[n.Problem] = field(default_factory=list[n.Problem])
    was_split: bool = False
    begun: generation.Begun | None = None
    """What became of it; None while it goes on."""


_searches: list[Search] = []


def begin(
    context: bpy.types.Context,
    long: Sequence[tuple[Any, Clip]],
    changes: Mapping[str, Any],
    options: fill_plan.Options,
) -> Search | n.Problem:
    """Look for shots in strips; later they are split and filled.

    Args:
        long: strips, and what of their movies they show.
        changes: as for ``generation.begin``.
        options: which pieces to leave out.
    """
    problem = connect_if_needed(context)
    if problem is not None:
        return problem
    asked = [(new_id(), strip, clip) for strip, clip in long]
    waiting = {ask_id: anchors.anchor_of(strip) for ask_id, strip, _ in asked}
    search = Search(changes, options, waiting, len(waiting))
    _searches.append(search)
    link.order(n.FindShots(tuple((ask_id, clip) for ask_id, _, clip in asked)))
    _count()
    return search


def step() -> bool:
    """Take in answers; split one strip of a fill that has them all, or begin to fill its pieces."""
    if _searches and not link.alive:
        cancel()  # nobody will answer
    answers, link.board.shots = link.board.shots, []
    for answer in answers:
        for search in _searches:
            anchor = search.waiting.pop(answer.ask_id, None)
            if anchor is not None:
                search.answers.append((anchor, answer))
    _count()
    ready = next((search for search in _searches if not search.waiting), None)
    if ready is None or not compat.may_edit(""):
        return bool(answers)
    if ready.answers:
        _split_next(ready)
    else:
        _searches.remove(ready)
        _count()
        ready.begun = _fill(ready)
    return True


def wait(search: Search) -> None:
    """Until a search is over: for scripts and background use."""
    try:
        while search.begun is None:
            time.sleep(_BLOCKING_TICK_S)
            pump.turn()
    except KeyboardInterrupt:
        cancel()


def cancel() -> None:
    """Look for no more shots; the strips stay as they are and are not filled."""
    if _searches:
        link.order(n.StopFinding())
    for search in _searches:
        search.begun = generation.Begun()
    _searches.clear()
    _count()


def _split_next(search: Search) -> None:
    anchor, answer = search.answers.pop(0)
    found = anchors.find(anchor)
    if found is None:
        return
    if answer.problem is not None:
        text = tip("'{name}' was not split at its shots.", name=anchor.name)
        search.failed.append(n.Problem(answer.problem.code, text, answer.problem.message))
    pieces = _split(*found, answer.cuts_s)
    search.was_split |= len(pieces) > 1
    search.pieces += map(anchors.anchor_of, pieces)


def _fill(search: Search) -> generation.Begun:
    """Make the splitting an undo step, and generate for the pieces."""
    if search.was_split:
        landing.push_undo(UNDO_MESSAGE)
    found = [pair for pair in map(anchors.find, search.pieces) if pair is not None]
    pieces = [strip for _, strip in found]
    begun = generation.Begun()
    chosen = fill_plan.plan(fill.cuts(bpy.context, pieces), search.options).chosen
    if chosen:
        strips = [pieces[index] for index in chosen]
        begun = generation.begin(bpy.context, strips, search.changes, batch=True)
    for problem in search.failed:
        link.board.refuse(problem)
        begun.skipped.append(f"{problem.message} {problem.remedy}")
    return begun


def _split(scene: Any, strip: Any, cuts_s: Sequence[Fraction]) -> list[Any]:  # noqa: ANN401
    """The strip's pieces, in order of time."""
    fps = timing.exact_rate(scene.render.fps, scene.render.fps_base)
    first, end = int(compat.timing(strip, "left_handle")), int(compat.timing(strip, "right_handle"))
    pieces = [strip]
    for frame in fill_plan.split_frames(first, end, fps, cuts_s):
        right = pieces[-1].split(frame=frame, split_method="SOFT")
        if right is not None:
            pieces.append(right)
    return pieces


def _count() -> None:
    """Have the board show how far the searches are."""
    count = sum(search.count for search in _searches)
    anchors_of = [
        anchor
        for search in _searches
        for anchor in (*search.waiting.values(), *(a for a, _ in search.answers), *search.pieces)
    ]
    link.board.searched = frozenset(anchor.strip_id for anchor in anchors_of)
    link.board.search = (count - sum(len(search.waiting) for search in _searches), count)


pump.steps.append(step)
