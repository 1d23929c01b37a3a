"""Strips: what a movie strip shows, and a take put beside it. Only here are strips touched.

No strip is kept across ticks, as undo and file loading replace them all: an Anchor names
one, and ``find`` looks it up again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import bpy

from foleyline_contract.errors import FileMissing, InputError
from foleyline_contract.messages import Clip

from . import compat, timing
from .notices import TakeWritten

ID_KEY = "foley_id"
TAKE_KEY = "foley"
_KIND_WORDS = {
    "IMAGE": "an image",
    "SOUND": "a sound",
    "SCENE": "a scene",
    "META": "a meta",
    "MOVIECLIP": "a clip",
    "MASK": "a mask",
}


@dataclass(frozen=True, slots=True)
class Anchor:
    """A movie strip by name, id and file, and where it was when its clip was read."""

    strip_id: str
    name: str
    path: str
    content_start_frame: int
    first_frame: int
    end_frame: int


def why_none(context: bpy.types.Context) -> str | None:
    """Why nothing selected can be given Foley, in a tool-tip's words; None if something can."""
    scene = compat.sequencer_scene(context)
    refusal = None
    for strip in compat.selected_strips(context):
        if strip.type == "MOVIE":
            try:
                timing.check_supported(_facts(strip, scene))
            except InputError as error:
                refusal = refusal or str(error).rstrip(".")
            else:
                return None
        elif refusal is None:
            kind = _KIND_WORDS.get(strip.type, "an effect")
            refusal = f"Foley needs a movie strip, but '{strip.name}' is {kind} strip"
    return refusal or "Select a movie strip to generate Foley for"


def selected_names(context: bpy.types.Context) -> tuple[list[Any], list[str]]:
    """The selected movie strips, and sentences about selected strips that are none.

    Sound strips are left out of both: they are selected along with their movie.
    """
    movies: list[Any] = []
    skipped: list[str] = []
    for strip in compat.selected_strips(context):
        if strip.type == "MOVIE":
            movies.append(strip)
        elif strip.type != "SOUND":
            kind = _KIND_WORDS.get(strip.type, "an effect")
            skipped.append(f"'{strip.name}' was skipped: it is {kind} strip.")
    return movies, skipped


def read(strip: Any, scene: Any) -> tuple[Anchor, Clip]:  # noqa: ANN401 - one class per version
    """A movie strip's picture, and how to find the strip again.

    Raises:
        InputError: the strip's file is missing or its picture is not a plain span of it.
    """
    path = bpy.path.abspath(strip.filepath, library=scene.library)
    if not Path(path).is_file():
        raise FileMissing(f"The movie of the strip '{strip.name}' was not found.")
    path = str(Path(path).resolve())
    rate = strip.fps
    facts = replace(_facts(strip, scene), movie_fps=timing.exact_rate(rate) if rate > 0 else None)
    timing.check_supported(facts)
    if timing.needs_movie_length(facts):
        facts = replace(facts, movie_frames=_movie_frames(path) - _trimmed_frames(strip))
    clip = timing.clip_of(facts, path)
    anchor = Anchor(
        _persistent_id(strip),
        strip.name,
        strip.filepath,
        facts.content_start_frame,
        facts.first_frame,
        facts.end_frame,
    )
    return anchor, clip


def _facts(strip: Any, scene: Any) -> timing.StripFacts:  # noqa: ANN401
    """All that can be told without opening the movie: tool-tips ask at every redraw."""
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
    )


def _trimmed_frames(strip: Any) -> int:  # noqa: ANN401
    return int(
        compat.timing(strip, "content_trim_start") + compat.timing(strip, "content_trim_end")
    )


def _movie_frames(path: str) -> int:
    """Frames in a movie file as Blender counts them; strips do not tell."""
    clip = bpy.data.movieclips.load(path)
    try:
        return clip.frame_duration
    finally:
        bpy.data.movieclips.remove(clip)


def _persistent_id(strip: Any) -> str:  # noqa: ANN401
    """The strip's id; a new one if it has none or shares it with the strip it was split from."""
    known = strip.get(ID_KEY)
    editor = strip.id_data.sequence_editor
    if known and sum(other.get(ID_KEY) == known for other in compat.all_strips_in(editor)) == 1:
        return known
    strip[ID_KEY] = uuid4().hex
    return strip[ID_KEY]


def find(anchor: Anchor) -> tuple[Any, Any] | None:
    """The anchor's scene and strip as they are now; None if the strip is gone.

    Undo takes the id away again when it goes back behind the click, so a movie strip of the
    same name and file will do.
    """
    by_name = None
    for scene in bpy.data.scenes:
        for strip in compat.all_strips_in(scene.sequence_editor) if scene.sequence_editor else ():
            if strip.type != "MOVIE":
                continue
            if strip.get(ID_KEY) == anchor.strip_id:
                return scene, strip
            if strip.name == anchor.name and strip.filepath == anchor.path:
                by_name = scene, strip
    return by_name


def add_takes(
    anchor: Anchor, clip: Clip, takes: Sequence[TakeWritten], used: Mapping[str, Any]
) -> list[str] | None:
    """Put a strip's takes beside it, the best aligned one heard and the others muted.

    A movie strip that was moved meanwhile is followed, so sound and picture stay together.

    Args:
        used: the settings the takes were made with, for the strips' custom property.

    Returns:
        Names of the sound strips; None when the movie strip is gone.

    Raises:
        InputError: no channel has room, or this Blender cannot make sound strips.
    """
    found = find(anchor)
    if found is None:
        return None
    scene, movie = found
    shift = int(compat.timing(movie, "content_start")) - anchor.content_start_frame
    first, end = anchor.first_frame + shift, anchor.end_frame + shift
    ranked = sorted(takes, key=lambda take: (-(take.log_p_aligned or 0.0), take.take))
    names: list[str] = []
    for take in ranked:
        sound = _add_sound(scene, movie, take.path, first, end)
        sound.mute = bool(names)
        sound[TAKE_KEY] = _record(anchor, clip, take, used)
        names.append(sound.name)
    return names


def _add_sound(scene: Any, movie: Any, path: Path, first: int, end: int) -> Any:  # noqa: ANN401
    editor = scene.sequence_editor
    owner = movie.parent_meta() or editor
    spans = [
        (s.channel, int(compat.timing(s, "left_handle")), int(compat.timing(s, "right_handle")))
        for s in compat.strips_in(owner)
    ]
    closed = {i for i, channel in enumerate(owner.channels) if channel.lock or channel.mute}
    channel = timing.nearest_free_channel(movie.channel, first, end, spans, closed)
    if channel is None:
        raise InputError(
            f"No channel has room beside the strip '{movie.name}'; its take was kept on disk.",
            remedy="Free, unlock or unmute a channel, then generate again.",
        )
    shown_path = bpy.path.relpath(str(path)) if bpy.data.filepath else str(path)
    try:
        sound = compat.strips_in(owner).new_sound(
            name=path.stem, filepath=shown_path, channel=channel, frame_start=first
        )
    except RuntimeError as error:
        raise InputError(
            f"Blender could not add the take as a sound strip: {error}",
            remedy="The take was kept on disk; add it with Add > Sound.",
        ) from error
    compat.set_timing(sound, "right_handle", end)
    sound.select = False
    return sound


def _record(
    anchor: Anchor, clip: Clip, take: TakeWritten, used: Mapping[str, Any]
) -> dict[str, Any]:
    """What the sound strip says about itself; times are fractions, ``"numerator/denominator"``."""
    record: dict[str, Any] = {
        "seed": take.seed,
        "take": take.take + 1,
        "takes": take.takes,
        **used,
        "source_strip": anchor.name,
        "source_id": anchor.strip_id,
        "source_path": anchor.path,
        "start_s": f"{clip.start_s.numerator}/{clip.start_s.denominator}",
        "duration_s": f"{clip.duration_s.numerator}/{clip.duration_s.denominator}",
        "speed": f"{clip.speed.numerator}/{clip.speed.denominator}",
        "peak_dbfs": take.peak_dbfs,
        "log_p_aligned": take.log_p_aligned,
        "provenance": json.dumps(dict(take.provenance), ensure_ascii=False, sort_keys=True),
    }
    return {key: value for key, value in record.items() if value is not None}


def active_record(context: bpy.types.Context) -> Any:  # noqa: ANN401 - an id-property group
    """What the active strip says about its take, or None."""
    scene = compat.sequencer_scene(context)
    editor = scene.sequence_editor if scene else None
    strip = editor.active_strip if editor else None
    record = strip.get(TAKE_KEY) if strip is not None else None
    return record if hasattr(record, "get") else None
