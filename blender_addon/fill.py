"""Filling a whole edit: the cuts of the timeline, as ``fill_plan`` wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import bpy

from foleyline_contract.errors import InputError

from . import compat, footage, generation, handles, timing
from . import take_strips as ts
from .fill_plan import Cut
from .link import link

CUT_KINDS = ("MOVIE", "IMAGE", "SCENE", "META", "MOVIECLIP")
"""Strips that are cuts by themselves; effects and titles belong to those under them."""


def candidates(context: bpy.types.Context, *, selected_only: bool) -> list[Any]:
    """The cuts of the timeline or meta strip that is open, in order of time."""
    scene = compat.sequencer_scene(context)
    editor = scene.sequence_editor if scene else None
    if editor is None:
        return []
    owner = editor.meta_stack[-1] if len(editor.meta_stack) else editor
    strips = [strip for strip in compat.strips_in(owner) if strip.type in CUT_KINDS]
    if selected_only:
        strips = footage.with_picture(context)[0]
    return sorted(strips, key=lambda strip: (compat.timing(strip, "left_handle"), strip.channel))


def cuts(context: bpy.types.Context, strips: Sequence[Any]) -> list[Cut]:
    """What filling has to know of strips. Opens movies whose speed it cannot tell otherwise."""
    scene = compat.sequencer_scene(context)
    planner = footage.Planner(scene, force_render=generation.is_remote(context))
    fps = timing.exact_rate(scene.render.fps, scene.render.fps_base)
    coming = link.board.strips_to_come
    closed = {strip.name for strip in strips if _in_closed_channel(scene, strip)}
    return [
        replace(
            _cut(scene, strip, planner, fps),
            muted=strip.mute or strip.name in closed,
            is_coming=strip.get(ts.ID_KEY) in coming,
        )
        for strip in strips
    ]


def _cut(
    scene: Any,  # noqa: ANN401
    strip: Any,  # noqa: ANN401
    planner: footage.Planner,
    fps: Fraction,
) -> Cut:
    frames = compat.timing(strip, "right_handle") - compat.timing(strip, "left_handle")
    refusal, picture, clip = "", None, None
    try:
        plan = planner.plan(strip)
    except InputError as error:
        refusal = str(error)
    else:
        if isinstance(plan, footage.Direct):
            clip = None if strip.lock else plan.clip
            picture = handles.with_handles(scene, strip, plan.clip, scene.foley.handle_frames)
    has_takes = bool(ts.group_of(scene, strip).takes)
    duration_s = int(frames) / fps
    return Cut(
        strip.name, duration_s, has_takes=has_takes, refusal=refusal, picture=picture, clip=clip
    )


def _in_closed_channel(scene: Any, strip: Any) -> bool:  # noqa: ANN401
    owner = strip.parent_meta() or scene.sequence_editor
    return owner.channels[strip.channel].mute
