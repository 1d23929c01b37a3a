"""From strips to jobs: what they show is read, noted and on its way to the server.

Nothing is waited for; ``pump`` does the rest. A second click while jobs run just adds more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import bpy

from foleyline_contract.address import is_loopback
from foleyline_contract.codec import new_id
from foleyline_contract.errors import InputError
from foleyline_contract.messages import Clip, GenerateSettings
from foleyline_contract.quality import QUALITIES

from . import anchors, compat, dispatch, folders, footage, handles, naming
from . import notices as n
from .board import Link as LinkState
from .connection import connect_if_needed
from .jobs import Job, State
from .link import link
from .notebook import Note
from .preferences import preferences
from .properties import FoleySceneSettings, settings_of


@dataclass(slots=True)
class Begun:
    """What became of one click."""

    jobs: list[Job] = field(default_factory=list[Job])
    skipped: list[str] = field(default_factory=list[str])
    """Sentences about strips for which nothing was begun."""
    problem: n.Problem | None = None
    """Why there is not a single job."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A strip with what it shows."""

    strip: Any
    footage: footage.Footage
    span: handles.Span

    @property
    def clip(self) -> Clip | None:
        return self.span.clip


def scene_settings(context: bpy.types.Context) -> FoleySceneSettings:
    """The Foley settings of the scene that the Sequencer shows."""
    return settings_of(context)


def start(
    context: bpy.types.Context, strips: Sequence[Any], changes: Mapping[str, Any]
) -> n.Problem | None:
    """Begin to generate for strips of the Sequencer's scene, with some settings otherwise.

    Args:
        changes: fields of GenerateSettings, and ``quality``.

    Returns:
        A problem when not a single job could be begun.
    """
    return begin(context, strips, changes).problem


def begin(
    context: bpy.types.Context,
    strips: Sequence[Any],
    changes: Mapping[str, Any] | None = None,
    *,
    batch: bool = False,
) -> Begun:
    """As ``start``, and tells which jobs there are.

    Args:
        batch: part of a fill; strips that show the very same picture then share a job.
    """
    changes = dict(changes or {})
    scene = compat.sequencer_scene(context)
    settings: FoleySceneSettings = scene.foley
    if "seed" not in changes:
        settings.draw_new_seed()
    quality = changes.pop("quality", settings.quality_name())
    begun = Begun()
    try:
        request = settings.request(changes)
        pattern = takes_pattern(context)
    except InputError as error:
        begun.problem = n.Problem.of(error)
        return _refused(begun)
    planner = footage.Planner(scene, force_render=is_remote(context))
    seen = _read(planner, strips, begun)
    if seen:
        begun.problem = connect_if_needed(context)
    if not seen or begun.problem is not None:
        return _refused(begun)
    for group in grouped(seen) if batch else [[one] for one in seen]:
        note = _note(scene, pattern, group, request)
        job = Job(note, request, group[0].clip, batch=batch)
        job.quality = quality if quality in QUALITIES else None
        if isinstance(group[0].footage, footage.NeedsRender):
            job.shot = group[0].footage.shot
        link.board.open(job)
        begun.jobs.append(job)
    return begun


def retry(context: bpy.types.Context, job: Job) -> n.Problem | None:
    """Do again what failed or was cancelled: only what is missing, from the strip as it is now."""
    if job.problem is not None and job.takes and len(job.takes) == job.settings.takes:
        job.state, job.landed, job.problem, job.remark = State.LANDING, 0, None, ""
        return None
    found = [anchors.find(place) for place in job.note.places]
    scene = compat.sequencer_scene(context)
    strips = [pair[1] for pair in found if pair is not None and pair[0] == scene]
    if not strips:
        text = f"The strip '{job.label}' is not in this scene any more."
        return n.Problem("input", text, "Select another strip and generate anew.")
    changes = {key: getattr(job.settings, key) for key in job.settings.__slots__}
    begun = begin(context, strips, changes | {"quality": job.quality}, batch=job.batch)
    if begun.problem is None:
        discard([job])
    return begun.problem


def discard(jobs: Sequence[Job]) -> None:
    """Take ended jobs off the list; what failed is not fetched again."""
    gone = {job.job_id for job in jobs if job.has_ended}
    link.forget_all(job for job in jobs if job.state is State.FAILED)
    link.board.drop(gone)


def cancel(jobs: Sequence[Job]) -> None:
    """End jobs that have not ended."""
    dispatch.cancel([job for job in jobs if job.is_open])


def takes_pattern(context: bpy.types.Context) -> str:
    """The pattern for files of takes of the Sequencer's scene.

    Raises:
        SettingInvalid: it cannot be used.
    """
    pattern = settings_of(context).output or preferences(context).pattern or naming.DEFAULT_PATTERN
    naming.check_pattern(pattern)
    return pattern


def is_remote(context: bpy.types.Context) -> bool:
    """Whether the server cannot open files of this computer, so that small movies are sent."""
    if link.alive and link.board.link is LinkState.READY:
        return not link.board.opens_paths
    return not is_loopback(preferences(context).server_address())


def grouped(seen: Sequence[_Seen]) -> list[list[_Seen]]:
    """Strips that show the very same span of a file with the same handles, together."""
    groups: dict[object, list[_Seen]] = {}
    for number, one in enumerate(seen):
        key = number if one.clip is None else one.span
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _read(planner: footage.Planner, strips: Sequence[Any], begun: Begun) -> list[_Seen]:
    seen: list[_Seen] = []
    for strip in strips:
        try:
            plan = planner.plan(strip)
        except InputError as error:
            begun.problem = begun.problem or n.Problem.of(error)
            begun.skipped.append(str(error))
            continue
        clip = plan.clip if isinstance(plan, footage.Direct) else None
        scene = strip.id_data
        span = handles.with_handles(scene, strip, clip, scene.foley.handle_frames)
        seen.append(_Seen(strip, plan, span))
    if seen:
        begun.problem = None
    elif begun.problem is None:
        begun.problem = n.Problem("input", "No strip was chosen.", "Select a strip first.")
    return seen


def _note(
    scene: Any,  # noqa: ANN401
    pattern: str,
    group: Sequence[_Seen],
    request: GenerateSettings,
) -> Note:
    settings = scene.foley
    places = tuple(anchors.anchor_of(one.strip) for one in group)
    model = request.bundle or link.board.default_bundle or "model"
    target = folders.target(pattern, scene=scene.name, strip=places[0].name, model=model)
    return Note(
        new_id(),
        places,
        folders.project_name(),
        target,
        settings.channel,
        group[0].span.before_frames,
        group[0].span.after_frames,
        settings.fade_frames,
        settings.pack,
    )


def _refused(begun: Begun) -> Begun:
    if begun.problem is not None:
        link.board.refuse(begun.problem)
    return begun
