"""Handles: sound before and after a strip, as far as its movie goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor
from typing import Any

from foleyline_contract.messages import Clip

from . import compat, timing


@dataclass(frozen=True, slots=True)
class Span:
    """A clip with its handles, in timeline frames; no clip while it has to be rendered."""

    clip: Clip | None
    before_frames: int = 0
    after_frames: int = 0


def with_handles(scene: Any, strip: Any, clip: Clip | None, wanted_frames: int) -> Span:  # noqa: ANN401
    """The clip made longer on both sides; what Blender renders gets no handles."""
    if clip is None or wanted_frames <= 0:
        return Span(clip)
    fps = timing.exact_rate(scene.render.fps, scene.render.fps_base)
    left, right = compat.timing(strip, "left_handle"), compat.timing(strip, "right_handle")
    content = compat.timing(strip, "content_start")
    content_end = content + compat.timing(strip, "content_duration")
    in_file = floor(clip.start_s / clip.speed * fps)
    before = max(0, min(wanted_frames, int(left - content), in_file))
    after = max(0, min(wanted_frames, int(content_end - right)))
    longer = replace(
        clip,
        start_s=clip.start_s - before / fps * clip.speed,
        duration_s=clip.duration_s + (before + after) / fps,
    )
    return Span(longer, before, after)
