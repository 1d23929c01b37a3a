"""The sound strips of takes: found, grouped by their picture strip, heard, starred, removed.

How they come to be is in ``takes.py``. Everything is read from the strips at every call, so it
is right after undo, loading, splitting and renaming.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import bpy

from . import compat, take_facts

ID_KEY = "foley_id"
TAKE_KEY = "foley"
_COLOURS = {"star": "COLOR_03", "rejected": "COLOR_09", "": "COLOR_04"}
"""Strip colour tags: yellow, grey, green. Others are the artist's own and stay."""

Mark = Literal["star", "rejected", "kept"]


@dataclass(frozen=True, slots=True)
class Group:
    """A picture strip and its takes, the best first. Never kept: strips die with every undo."""

    scene: Any
    source_id: str
    picture: Any
    """None when it was deleted."""
    takes: tuple[Any, ...]

    @property
    def name(self) -> str:
        if self.picture is not None:
            return self.picture.name
        return str(record(self.takes[0]).get("source_strip", "")) if self.takes else ""

    def heard(self) -> Any:  # noqa: ANN401 - one class per version
        """The take that is heard; the best of them if there are several, None without."""
        return next((take for take in self.takes if not take.mute), None)

    def shown(self, *, starred_only: bool = False, hide_rejected: bool = True) -> list[Any]:
        """The takes that pass the list's filters, the best first."""
        records = [(take, record(take)) for take in self.takes]
        return [
            take
            for take, facts in records
            if not (starred_only and not facts.get("star"))
            and not (hide_rejected and facts.get("rejected"))
        ]


def record(strip: Any) -> Any:  # noqa: ANN401 - an id-property group
    """What a strip says about its take; empty when it is none."""
    found = strip.get(TAKE_KEY) if strip is not None else None
    return found if hasattr(found, "get") else {}


def is_take(strip: Any) -> bool:  # noqa: ANN401
    return strip is not None and strip.type == "SOUND" and bool(record(strip))


def span(strip: Any) -> take_facts.Span:  # noqa: ANN401
    """Where a strip lies."""
    return take_facts.Span(
        strip.channel,
        int(compat.timing(strip, "left_handle")),
        int(compat.timing(strip, "right_handle")),
    )


# ---- finding ---------------------------------------------------------------------------


def group_of(scene: Any, picture: Any) -> Group:  # noqa: ANN401
    """A picture strip's takes."""
    known = picture.get(ID_KEY, "")
    pictures, takes = _with_id(scene, known) if known else ([], [])
    spans = [span(p) for p in pictures]
    here = next((i for i, p in enumerate(pictures) if p.name == picture.name), -1)
    own = [take for take in takes if here in take_facts.holders(span(take), spans)]
    return Group(scene, known, picture, _ranked(own))


def group_of_take(scene: Any, take: Any) -> Group:  # noqa: ANN401
    """The group that a take is in; without a picture strip if that is gone."""
    source = str(record(take).get("source_id", ""))
    pictures, takes = _with_id(scene, source)
    owners = take_facts.holders(span(take), [span(p) for p in pictures])
    if owners:
        return group_of(scene, pictures[owners[0]])
    return Group(scene, source, None, _ranked(takes))


def group_of_any(scene: Any, strip: Any) -> Group | None:  # noqa: ANN401
    """The group of a picture strip or of a take; None for other sounds and for no strip."""
    if strip is None or (strip.type == "SOUND" and not is_take(strip)):
        return None
    return group_of_take(scene, strip) if is_take(strip) else group_of(scene, strip)


def active_group(scene: Any) -> Group | None:  # noqa: ANN401
    """The group of the active strip, be it picture or take; None if it is neither."""
    return group_of_any(scene, active_strip(scene))


def active_take(scene: Any) -> Any:  # noqa: ANN401
    """The active strip if it is a take, else the take heard under the active strip, or None."""
    strip = active_strip(scene)
    if is_take(strip):
        return strip
    group = group_of_any(scene, strip)
    return group.heard() if group is not None else None


def active_strip(scene: Any) -> Any:  # noqa: ANN401
    editor = scene.sequence_editor if scene else None
    return editor.active_strip if editor else None


def named(scene: Any, name: str) -> Any:  # noqa: ANN401
    """The strip of that name, in meta strips too; None if there is none."""
    editor = scene.sequence_editor
    return compat.all_strips_in(editor).get(name) if editor else None


def selected_groups(context: bpy.types.Context) -> list[Group]:
    """Groups with takes of all selected strips, each once."""
    scene = compat.sequencer_scene(context)
    groups: dict[tuple[str, str], Group] = {}
    for strip in compat.selected_strips(context):
        group = group_of_any(scene, strip)
        if group is not None and group.takes:
            groups[group.source_id, group.name] = group
    return list(groups.values())


def has_takes(scene: Any) -> bool:  # noqa: ANN401
    """Whether there is any take on a scene's timeline."""
    editor = scene.sequence_editor
    return editor is not None and any(is_take(strip) for strip in compat.all_strips_in(editor))


def placed(scene: Any) -> set[tuple[str, int]]:  # noqa: ANN401
    """Job id and take (from 0) of all takes on a scene's timeline."""
    editor = scene.sequence_editor
    strips = compat.all_strips_in(editor) if editor else ()
    keys = (take_facts.identity(record(strip)) for strip in strips if is_take(strip))
    return {(job_id, take - 1) for job_id, take, _seed in keys if job_id}


def _with_id(scene: Any, source_id: str) -> tuple[list[Any], list[Any]]:  # noqa: ANN401
    """Picture strips with that id, and takes made for it."""
    pictures: list[Any] = []
    takes: list[Any] = []
    for strip in compat.all_strips_in(scene.sequence_editor):
        if strip.type != "SOUND":
            if strip.get(ID_KEY) == source_id:
                pictures.append(strip)
        elif record(strip).get("source_id") == source_id:
            takes.append(strip)
    return pictures, takes


def _ranked(takes: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(takes, key=lambda take: take_facts.rank_key(record(take))))


# ---- changing --------------------------------------------------------------------------


def solo(group: Group, chosen: Any) -> None:  # noqa: ANN401
    """One take is heard, in all its pieces; the others are muted."""
    wanted = take_facts.identity(record(chosen)) if chosen is not None else None
    for take in group.takes:
        take.mute = take_facts.identity(record(take)) != wanted


def mark(group: Group, take: Any, what: Mark, on: bool) -> None:  # noqa: ANN401
    """Set or clear a mark on all pieces of a take, and show it in the strips' colour."""
    wanted = take_facts.identity(record(take))
    for piece in group.takes:
        if take_facts.identity(record(piece)) == wanted:
            record(piece)[what] = on
            colour(piece)


def colour(take: Any) -> None:  # noqa: ANN401
    """Show a take's marks as its colour tag, unless the artist gave it another one."""
    if take.color_tag in ("NONE", *_COLOURS.values()):
        facts = record(take)
        take.color_tag = _COLOURS[next((m for m in ("rejected", "star") if facts.get(m)), "")]


def remove(takes: Iterable[Any]) -> int:
    """Take strips off the timeline; their files stay. How many there were."""
    gone = 0
    for take in list(takes):
        owner = take.parent_meta() or take.id_data.sequence_editor
        compat.strips_in(owner).remove(take)
        gone += 1
    return gone
