"""Differences between Blender versions in how takes hold on to their picture strip.

Connected strips came with 4.3. What is connected can be asked since 5.2, so before that the
movie's own sound is told by its file. Other connections cannot be seen there and end when the
picture strip gets takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import bpy

from . import compat

CAN_CONNECT = bpy.app.version >= (4, 3)


def connect(scene: Any, picture: Any, takes: Sequence[Any]) -> None:  # noqa: ANN401
    """Connect takes with their picture strip, so that a click selects and a drag moves all.

    They must lie in the same timeline or meta strip. Nothing happens before Blender 4.3.
    """
    if not CAN_CONNECT:
        return
    editor, owner = scene.sequence_editor, picture.parent_meta()
    together = {s.name for s in (picture, *takes, *_connected(scene, picture))}
    opened = editor.meta_stack[-1] if len(editor.meta_stack) else None
    reopen = _name(opened) != _name(owner)
    if reopen:
        editor.display_stack(owner)
    try:
        with _selected(compat.strips_in(owner or editor), together), _editing(scene):
            bpy.ops.sequencer.connect(toggle=False)
    finally:
        if reopen:
            editor.display_stack(opened)


def split(take: Any, frame: int) -> None:  # noqa: ANN401
    """Split a strip alone, if the frame lies inside it; the piece behind it is a new strip."""
    if compat.timing(take, "left_handle") < frame < compat.timing(take, "right_handle"):
        knows = "ignore_connections" in take.bl_rna.functions["split"].parameters
        alone = {"ignore_connections": True} if knows else {}
        take.split(frame=frame, split_method="SOFT", **alone)


def _connected(scene: Any, picture: Any) -> Iterator[Any]:  # noqa: ANN401
    """Strips connected with the picture strip already, as far as this version tells."""
    if hasattr(picture, "connections"):
        yield from picture.connections
        return
    path = _source_path(scene, picture)
    for other in compat.strips_in(picture.parent_meta() or scene.sequence_editor) if path else ():
        if (
            other.type == "SOUND"
            and _source_path(scene, other) == path
            and _overlap(other, picture)
        ):
            yield other


def _source_path(scene: Any, strip: Any) -> str:  # noqa: ANN401
    sound = getattr(strip, "sound", None)
    path = sound.filepath if sound is not None else getattr(strip, "filepath", "")
    return bpy.path.abspath(path, library=scene.library) if path else ""


def _overlap(one: Any, other: Any) -> bool:  # noqa: ANN401
    return compat.timing(one, "left_handle") < compat.timing(
        other, "right_handle"
    ) and compat.timing(other, "left_handle") < compat.timing(one, "right_handle")


def _name(strip: Any) -> str:  # noqa: ANN401
    return strip.name if strip is not None else ""


@contextmanager
def _selected(strips: Any, names: set[str]) -> Iterator[None]:  # noqa: ANN401
    """Only the named strips are selected for a while."""
    changed = [strip for strip in strips if strip.select != (strip.name in names)]
    for strip in changed:
        strip.select = not strip.select
    try:
        yield
    finally:
        for strip in changed:
            strip.select = not strip.select


def _editing(scene: Any) -> Any:  # noqa: ANN401 - a context manager of Blender's
    """Lets operators of the Sequencer act on a scene, whichever the window shows."""
    if bpy.app.version >= (5, 0):
        return bpy.context.temp_override(scene=scene, sequencer_scene=scene)
    return bpy.context.temp_override(scene=scene)
