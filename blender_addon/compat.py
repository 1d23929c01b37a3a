"""Differences between Blender versions, 4.2 to 5.2, and nothing else.

Strip timing got new names in 5.2; the old ones still work there but warn. Collections
were called ``sequences`` until 4.4. ``sequencer_scene`` came with 5.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import bpy

_TIMING_BEFORE_5_2 = {
    "content_start": "frame_start",
    "content_duration": "frame_duration",
    "content_trim_start": "animation_offset_start",
    "content_trim_end": "animation_offset_end",
    "left_handle": "frame_final_start",
    "right_handle": "frame_final_end",
}
_STRIP_PATH = re.compile(r'sequence_editor\.\w+_all\["(?P<name>.+)"\]\.(?P<what>.+)')
STRIPS_ALL = "strips_all" if bpy.app.version >= (4, 4) else "sequences_all"
"""Of a sequence editor, for lists in the interface."""
_EDITING = ("TRANSFORM_OT_", "SEQUENCER_OT_")
"""Modal operators that hold on to strips while they run."""


def timing(strip: Any, name: str) -> float:  # noqa: ANN401 - one class per version
    """A strip's time in timeline frames (trims: source frames), by its 5.2 name."""
    return getattr(strip, name if hasattr(strip, name) else _TIMING_BEFORE_5_2[name])


def set_timing(strip: Any, name: str, frame: int) -> None:  # noqa: ANN401
    """Move one of a strip's handles, by its 5.2 name."""
    setattr(strip, name if hasattr(strip, name) else _TIMING_BEFORE_5_2[name], frame)


def strips_in(owner: Any) -> Any:  # noqa: ANN401
    """The strips directly in a sequence editor or in a meta strip."""
    strips = getattr(owner, "strips", None)
    return owner.sequences if strips is None else strips  # an empty collection is false


def all_strips_in(editor: Any) -> Any:  # noqa: ANN401
    """The strips in a sequence editor, those in meta strips too."""
    strips = getattr(editor, "strips_all", None)
    return editor.sequences_all if strips is None else strips


def inputs(strip: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """The strips that an effect mixes; None where it has lost one."""
    count = getattr(strip, "input_count", 0)
    return tuple(getattr(strip, f"input_{number + 1}") for number in range(count))


def shown_in(strip: Any) -> list[Any]:  # noqa: ANN401
    """The strips whose pictures a strip is made of: an effect's inputs, what a meta holds."""
    held = strips_in(strip) if strip.type == "META" else ()
    return [*held, *(used for used in inputs(strip) if used is not None)]


def animated_strips(scene: Any) -> set[str]:  # noqa: ANN401
    """Names of strips whose look is keyed or driven, not counting their volume."""
    animation = scene.animation_data
    if animation is None:
        return set()
    curves = [*animation.drivers, *(_curves(animation.action) if animation.action else ())]
    found = (_STRIP_PATH.match(curve.data_path) for curve in curves)
    return {m["name"] for m in found if m and m["what"] not in ("volume", "pan")}


def _curves(action: Any) -> Iterator[Any]:  # noqa: ANN401
    """An action's curves; layers came with 4.4 and are all there is since 5.0."""
    if hasattr(action, "fcurves"):
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                yield from bag.fcurves


def sequencer_scene(context: bpy.types.Context) -> Any:  # noqa: ANN401
    """The scene whose strips the Sequencer shows; without one (headless) the current one."""
    return getattr(context, "sequencer_scene", None) or context.scene


def selected_strips(context: bpy.types.Context) -> Iterator[Any]:
    """Selected strips of the meta strip or timeline that is open."""
    for name in ("selected_strips", "selected_sequences"):
        selected = getattr(context, name, None)
        if selected is not None:
            yield from selected
            return
    scene = sequencer_scene(context)
    editor = scene.sequence_editor if scene else None
    if editor is not None:
        owner = editor.meta_stack[-1] if len(editor.meta_stack) else editor
        yield from (strip for strip in strips_in(owner) if strip.select)


def may_edit(own_operator: str) -> bool:
    """Whether strips may be added now: no render runs and nobody is dragging strips."""
    if bpy.app.is_job_running("RENDER"):
        return False
    for window in bpy.context.window_manager.windows:
        for operator in getattr(window, "modal_operators", ()):
            name = operator.bl_idname
            if name != own_operator and name.startswith(_EDITING):
                return False
    return True
