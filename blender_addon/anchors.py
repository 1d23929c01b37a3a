"""Picture strips over time: an Anchor names one, and ``find`` looks it up again.

No strip is kept across ticks, as undo and file loading replace them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import bpy

from . import compat, compat_takes, take_facts
from . import take_strips as ts
from .notebook import Place as Anchor

__all__ = ["Anchor", "Placing", "anchor_of", "find", "identify"]


@dataclass(frozen=True, slots=True)
class Placing:
    """How takes shall lie; frames are timeline frames."""

    channel: int | None = None
    """Taken if it has room, else the nearest to it; None: the nearest to the picture strip."""
    before_frames: int = 0
    """What the clip has before the anchor's first frame, hidden under the left handle."""
    after_frames: int = 0
    """What it has behind the anchor's last, hidden under the right handle."""
    fade_frames: int = 0
    """In and out each, as volume keys."""
    pack: bool = False
    """Whether the sounds go into the .blend file."""


def identify(strip: Any) -> str:  # noqa: ANN401 - one class per version
    """The strip's lasting id; a new one if it has none or shares it with a copy of itself.

    This copy's takes get the new id with it. Those that go on under another copy are split at
    this one's ends, as Blender does itself since 4.4 when a picture strip is split.
    """
    known = strip.get(ts.ID_KEY)
    scene = strip.id_data
    others = [
        other
        for other in compat.all_strips_in(scene.sequence_editor)
        if known and other.get(ts.ID_KEY) == known and other.name != strip.name
    ]
    if known and not others:
        return known
    fresh = uuid4().hex
    spans = [ts.span(strip), *(ts.span(other) for other in others)]
    for take in ts.group_of(scene, strip).takes:
        if len(take_facts.holders(ts.span(take), spans)) > 1:
            compat_takes.split(take, spans[0].end_frame)
            compat_takes.split(take, spans[0].first_frame)
    for take in ts.group_of(scene, strip).takes:
        if take_facts.holders(ts.span(take), spans) == [0]:
            ts.record(take)["source_id"] = fresh
    strip[ts.ID_KEY] = fresh
    return fresh


def anchor_of(strip: Any) -> Anchor:  # noqa: ANN401
    """The strip as it lies now; gives it an id if it has none."""
    return Anchor(
        identify(strip),
        strip.name,
        getattr(strip, "filepath", ""),
        int(compat.timing(strip, "content_start")),
        int(compat.timing(strip, "left_handle")),
        int(compat.timing(strip, "right_handle")),
        strip.id_data.name,
    )


def find(anchor: Anchor) -> tuple[Any, Any] | None:
    """The anchor's scene and strip as they are now; None if the strip is gone.

    Undo takes the id away again when it goes back behind the click, so a strip of the same
    name and file without an id will do. The anchor's own scene goes before copies of it.
    """
    best: tuple[tuple[bool, bool, bool], Any, Any] | None = None
    for scene in bpy.data.scenes:
        for strip in compat.all_strips_in(scene.sequence_editor) if scene.sequence_editor else ():
            if strip.type == "SOUND":
                continue
            known, same_name = strip.get(ts.ID_KEY), strip.name == anchor.name
            same_file = getattr(strip, "filepath", "") == anchor.path
            if known == anchor.strip_id or (not known and same_name and same_file):
                fit = known == anchor.strip_id, scene.name == anchor.scene_name, same_name
                if best is None or fit > best[0]:
                    best = fit, scene, strip
    return None if best is None else (best[1], best[2])
