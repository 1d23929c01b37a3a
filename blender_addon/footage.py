"""What a strip shows: a span of its own file, or something that Blender has to render first.

``plan`` decides, and refuses strips that have no picture at all. ``docs/blender.md`` has the
rules in the artist's words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy

from foleyline_contract.errors import FileMissing, FileUnreadable, InputError, SpanOutside
from foleyline_contract.messages import CLIP_DURATION_MAX_S, Clip

from . import compat, looks, timing
from .layers import LIES_ON_TOP, Layer, picture_of
from .shot import Shot

_SELECT = "Select a strip that shows a picture to generate Foley for"
_rates: dict[tuple[str, int], Fraction] = {}
"""Of movies, by path and time of change: to tell a strip's rate Blender opens its file."""


@dataclass(frozen=True, slots=True)
class Direct:
    """The strip shows a span of its file, which the server can read itself."""

    clip: Clip


@dataclass(frozen=True, slots=True)
class NeedsRender:
    """Blender has to render what the strip shows."""

    shot: Shot
    why: str
    """Words that follow the strip's name: ``plays backwards``."""


Footage = Direct | NeedsRender


def plan(strip: Any, scene: Any, *, force_render: bool = False) -> Footage:  # noqa: ANN401
    """How to get at what a strip shows; for several strips a Planner is quicker.

    Args:
        force_render: render even what is a span of a file, as for a server that cannot open it.

    Raises:
        InputError: the strip has no picture, or its source is gone or damaged.
    """
    return Planner(scene, force_render=force_render).plan(strip)


def why_none(context: bpy.types.Context) -> str | None:
    """Why nothing selected can be given Foley, in a tool-tip's words; None if something can.

    Opens no file, as tool-tips ask at every redraw.
    """
    reason = None
    for strip in compat.selected_strips(context):
        refusal = _refusal(strip)
        if refusal is None:
            return None
        if reason is None and strip.type != "SOUND":
            reason = str(refusal).rstrip(".")
    return reason or _SELECT


def with_picture(context: bpy.types.Context) -> tuple[list[Any], list[str]]:
    """The selected strips that show something, and sentences about those that cannot.

    Sound strips are left out of both: they are selected along with their picture.
    """
    strips: list[Any] = []
    skipped: list[str] = []
    for strip in compat.selected_strips(context):
        refusal = _refusal(strip)
        if refusal is None:
            strips.append(strip)
        elif strip.type != "SOUND":
            skipped.append(str(refusal))
    return strips, skipped


class Planner:
    """Plans for many strips of a scene, made at one moment: nothing may be edited meanwhile."""

    def __init__(self, scene: Any, *, force_render: bool = False) -> None:  # noqa: ANN401
        self._scene = scene
        self._force_render = force_render
        self._animated = compat.animated_strips(scene)
        render = scene.render
        self._fps = timing.exact_rate(render.fps, render.fps_base)
        self._frame_px = (render.resolution_x, render.resolution_y)
        self._levels: dict[str, list[Layer]] = {}

    def plan(self, strip: Any) -> Footage:  # noqa: ANN401
        """As the function of this name."""
        refusal = _refusal(strip)
        if refusal is not None:
            raise refusal
        shown, changed_by = self._picture(strip)
        self._check_sources(strip, shown)
        why = self._why_render(strip, changed_by)
        if why is None:
            return Direct(movie_clip(strip, self._scene))
        return NeedsRender(self._shot(strip, shown), why)

    def _why_render(self, strip: Any, changed_by: str | None) -> str | None:  # noqa: ANN401
        if strip.type != "MOVIE":
            return "is no movie strip"
        if self._force_render:
            return "is wanted by a server on another computer"
        if strip.stream_index or strip.use_multiview:
            return "shows another stream of its file"
        return (
            timing.why_render(movie_facts(strip, self._scene))
            or looks.why_changed(strip, self._frame_px, self._is_animated(strip))
            or looks.why_faint(strip)
            or (f"is changed by the strip '{changed_by}'" if changed_by else None)
        )

    def _shot(self, strip: Any, shown: tuple[str, ...]) -> Shot:  # noqa: ANN401
        first = int(compat.timing(strip, "left_handle"))
        end = int(compat.timing(strip, "right_handle"))
        if first < 0:
            raise SpanOutside(
                f"The strip '{strip.name}' begins before frame 0, where Blender cannot render.",
                remedy="Move the strip, or its left handle, to frame 0 or later.",
            )
        shot = Shot(self._scene.name, strip.name, shown, first, end, self._fps)
        if shot.frames / shot.scene_fps > CLIP_DURATION_MAX_S:
            raise SpanOutside(
                f"The strip '{strip.name}' is longer than {CLIP_DURATION_MAX_S // 3600} hours.",
                remedy="Split the strip.",
            )
        return shot

    def _picture(self, strip: Any) -> tuple[tuple[str, ...], str | None]:  # noqa: ANN401
        owner = strip.parent_meta()
        level = owner.name if owner else ""
        if level not in self._levels:
            self._levels[level] = [*self._layers(owner or self._scene.sequence_editor)]
        picture = picture_of(strip.name, self._levels[level])
        return picture.shown, picture.changed_by

    def _layers(self, owner: Any) -> Iterator[Layer]:  # noqa: ANN401
        closed = {number for number, channel in enumerate(owner.channels) if channel.mute}
        for strip in compat.strips_in(owner):
            kind = strip.type
            yield Layer(
                strip.name,
                kind,
                strip.channel,
                int(compat.timing(strip, "left_handle")),
                int(compat.timing(strip, "right_handle")),
                muted=strip.mute or strip.channel in closed,
                inputs=tuple(used.name for used in compat.inputs(strip) if used),
                changes_little=kind == "ADJUSTMENT" and self._only_colours(strip),
            )

    def _only_colours(self, strip: Any) -> bool:  # noqa: ANN401
        return looks.why_changed(strip, self._frame_px, self._is_animated(strip)) is None

    def _is_animated(self, strip: Any) -> bool:  # noqa: ANN401
        return bpy.utils.escape_identifier(strip.name) in self._animated

    def _check_sources(self, strip: Any, shown: tuple[str, ...]) -> None:  # noqa: ANN401
        """Check that no file is missing that is seen; Blender would draw nothing instead."""
        editor = self._scene.sequence_editor
        by_name = {other.name: other for other in compat.all_strips_in(editor)}
        waiting = [by_name[name] for name in shown]
        seen: set[str] = set()
        while waiting:
            used = waiting.pop()
            if used.name in seen:
                continue
            seen.add(used.name)
            for path in _files(used, self._scene.library):
                if not path.is_file():
                    raise FileMissing(_missing(strip, used, path))
            waiting += compat.shown_in(used)


def movie_clip(strip: Any, scene: Any) -> Clip:  # noqa: ANN401
    """The span of its file that a plain movie strip shows.

    Raises:
        InputError: the file is missing, or Blender cannot read it.
    """
    path = Path(bpy.path.abspath(strip.filepath, library=scene.library))
    if not path.is_file():
        raise FileMissing(_missing(strip, strip, path))
    path = path.resolve()
    version = str(path), path.stat().st_mtime_ns
    if version not in _rates:
        rate = strip.fps
        if rate <= 0:
            raise FileUnreadable(f"Blender cannot read the movie of the strip '{strip.name}'.")
        _rates[version] = timing.exact_rate(rate)
    facts = replace(movie_facts(strip, scene), movie_fps=_rates[version])
    if timing.needs_movie_length(facts):
        trimmed = compat.timing(strip, "content_trim_start")
        trimmed += compat.timing(strip, "content_trim_end")
        facts = replace(facts, movie_frames=_movie_frames(*version) - int(trimmed))
    return timing.clip_of(facts, str(path))


def movie_facts(strip: Any, scene: Any) -> timing.StripFacts:  # noqa: ANN401
    """All that can be told of a movie strip's place without opening its file."""
    return timing.StripFacts(
        name=strip.name,
        scene_fps=timing.exact_rate(scene.render.fps, scene.render.fps_base),
        movie_fps=None,
        content_start_frame=int(compat.timing(strip, "content_start")),
        content_frames=int(compat.timing(strip, "content_duration")),
        first_frame=int(compat.timing(strip, "left_handle")),
        end_frame=int(compat.timing(strip, "right_handle")),
        trim_start_frames=int(compat.timing(strip, "content_trim_start")),
        retiming_frames=tuple(key.timeline_frame for key in strip.retiming_keys),
        reversed=strip.use_reverse_frames,
        strobe=strip.strobe,
    )


def _refusal(strip: Any) -> InputError | None:  # noqa: ANN401
    """Why a strip has no picture; opens no file."""
    name = f"The strip '{strip.name}'"
    if strip.type == "SOUND":
        return InputError(f"{name} has no picture.", remedy=f"{_SELECT}.")
    if compat.timing(strip, "right_handle") <= compat.timing(strip, "left_handle"):
        return SpanOutside(f"{name} has no length.", remedy="Drag one of its handles.")
    if strip.type in LIES_ON_TOP:
        return None
    if strip.type == "SCENE":
        if strip.scene is None:
            return InputError(f"{name} has lost its scene.", remedy="Choose a scene for it.")
        if strip.scene_input == "CAMERA" and not (strip.scene_camera or strip.scene.camera):
            return InputError(f"The scene of '{strip.name}' has no camera.", remedy="Add a camera.")
    for data in ("clip", "mask"):
        if strip.type in ("MOVIECLIP", "MASK") and getattr(strip, data, strip) is None:
            return InputError(f"{name} has lost its {data}.", remedy="Choose another one for it.")
    if strip.type == "META" and not _holds_picture(strip):
        return InputError(f"{name} holds no picture.", remedy=f"{_SELECT}.")
    if None in compat.inputs(strip):
        return InputError(f"{name} has lost its input.", remedy="Delete the strip.")
    return None


def _holds_picture(meta: Any) -> bool:  # noqa: ANN401
    return any(
        _holds_picture(strip) if strip.type == "META" else strip.type != "SOUND"
        for strip in compat.strips_in(meta)
    )


def _files(strip: Any, library: Any) -> Iterator[Path]:  # noqa: ANN401
    """Files that a strip shows; of an image sequence the first and the last one."""
    if strip.type == "MOVIE":
        yield Path(bpy.path.abspath(strip.filepath, library=library))
    elif strip.type == "IMAGE":
        folder = Path(bpy.path.abspath(strip.directory, library=library))
        for index in {0, len(strip.elements) - 1}:
            yield folder / strip.elements[index].filename
    elif strip.type == "MOVIECLIP":
        clip = getattr(strip, "clip", None)  # 4.2 does not tell
        if clip is not None and clip.source == "MOVIE":
            yield Path(bpy.path.abspath(clip.filepath, library=clip.library))


def _missing(strip: Any, used: Any, path: Path) -> str:  # noqa: ANN401
    owner = "" if strip == used else f", which '{strip.name}' shows,"
    return f"The file '{path.name}' of the strip '{used.name}'{owner} was not found."


@lru_cache(maxsize=256)
def _movie_frames(path: str, _changed_ns: int) -> int:
    """Frames in a movie file as Blender counts them; strips do not tell. It takes a while."""
    clip = bpy.data.movieclips.load(path)
    try:
        return clip.frame_duration
    finally:
        bpy.data.movieclips.remove(clip)
