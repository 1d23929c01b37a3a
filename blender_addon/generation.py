"""One click on Generate Foley, from the selected strips to the sound strips.

The operator's blocking and modal ways share these steps: ``begin``, wait until ``ended``,
``insert``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from uuid import uuid4

import bpy

from foleyline_contract.errors import Cancelled, InputError
from foleyline_contract.messages import Clip, GenerateSettings

from . import compat, report, strips
from . import notices as n
from .board import Link as LinkState
from .board import Request
from .preferences import connection_order, takes_folder
from .pump import link, redraw


@dataclass(slots=True)
class Part:
    """One strip's share of a generation."""

    request: Request
    anchor: strips.Anchor
    clip: Clip


@dataclass(slots=True)
class Generation:
    """All strips of one click."""

    settings: GenerateSettings
    parts: list[Part] = field(default_factory=list[Part])
    skipped: list[str] = field(default_factory=list[str])

    @property
    def ended(self) -> bool:
        return all(part.request.ended for part in self.parts)

    def cancel(self) -> None:
        """Ask for an early end; ``ended`` follows within one sampling step."""
        for part in self.parts:
            if not part.request.ended and not part.request.cancelling:
                part.request.cancelling = True
                link.order(n.Withdraw(part.request.request_id))
        redraw()

    def abandon(self) -> None:
        """Cancel and wait for nothing: the file or the window is going away."""
        self.cancel()
        for part in self.parts:
            part.request.ended = True
            part.request.problem = n.Problem.of(Cancelled("Cancelled."))
        link.board.clear_requests()

    def insert(self) -> report.Advice:
        """Put all takes on the timeline; strips that were finished count even after a cancel."""
        start_s = perf_counter()
        orphans: list[str] = []
        for part in self.parts:
            if not part.request.takes or part.request.problem is not None:
                continue
            try:
                names = strips.add_takes(
                    part.anchor, part.clip, part.request.takes, self._used_settings()
                )
            except InputError as error:
                part.request.problem = link.board.problem = n.Problem.of(error)
                continue
            if names is None:
                orphans.append(part.request.strip_name)
        advice = report.outcome([p.request for p in self.parts], self.skipped, orphans)
        link.board.clear_requests()
        link.longest_insert_s = max(link.longest_insert_s, perf_counter() - start_s)
        redraw()
        return advice

    @property
    def has_takes(self) -> bool:
        return any(p.request.takes and p.request.problem is None for p in self.parts)

    def _used_settings(self) -> dict[str, Any]:
        """The settings with the bundle's defaults filled in."""
        name = self.settings.bundle or link.board.default_bundle
        info = next((b for b in link.board.bundles if b.name == name), None)
        used: dict[str, Any] = {"bundle": name}
        for key in ("sampler", "steps", "cfg_scale", "align_scale", "vocoder"):
            asked = getattr(self.settings, key)
            used[key] = getattr(info, key, None) if asked is None else asked
        if info is not None:
            used["bundle_sha256"], used["licence"] = info.sha256, info.licence
        return used


def begin(context: bpy.types.Context) -> Generation | n.Problem:
    """Send the selected movie strips to the server; nothing is waited for.

    Returns:
        A problem when not a single strip can be sent.
    """
    start_s = perf_counter()
    scene = compat.sequencer_scene(context)
    scene.foley.draw_new_seed()
    try:
        generation = Generation(scene.foley.request())
    except InputError as error:
        return n.Problem.of(error)
    movies, generation.skipped = strips.selected_names(context)
    readable: list[tuple[strips.Anchor, Clip]] = []
    first_problem: n.Problem | None = None
    for movie in movies:
        try:
            readable.append(strips.read(movie, scene))
        except InputError as error:
            first_problem = first_problem or n.Problem.of(error)
            generation.skipped.append(str(error))
    if not readable:
        text = strips.why_none(context) or "Nothing can be generated."
        return first_problem or n.Problem("input", text, "")
    problem = _connect_if_needed(context)
    if problem is not None:
        return problem
    link.board.clear_requests()
    folder = takes_folder(context)
    for anchor, clip in readable:
        request = link.board.open(uuid4().hex, anchor.name)
        generation.parts.append(Part(request, anchor, clip))
        link.order(n.Submit(request.request_id, clip, generation.settings, folder, anchor.name))
    link.longest_begin_s = max(link.longest_begin_s, perf_counter() - start_s)
    return generation


def scene_settings(context: bpy.types.Context) -> Any:  # noqa: ANN401 - added at register
    """The Foley settings of the scene that the Sequencer shows."""
    return compat.sequencer_scene(context).foley


def _connect_if_needed(context: bpy.types.Context) -> n.Problem | None:
    if link.alive and link.board.link is LinkState.READY:
        order = connection_order(context)
        if isinstance(order, n.Connect) and order.address == link.board.address:
            return None
    elif link.alive and link.board.connecting:
        return None
    return connect(context)


def connect(context: bpy.types.Context, *, start: bool | None = None) -> n.Problem | None:
    """Order a connection; the problem if the preferences do not allow one."""
    order = connection_order(context, start=start)
    if isinstance(order, n.Problem):
        link.board.problem = order
        link.board.link = LinkState.FAILED
        return order
    link.order(order)
    link.board.connection_wanted()
    return None
