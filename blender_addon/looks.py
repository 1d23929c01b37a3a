"""What a strip does to the picture it is given. No bpy here: strips are only asked.

Colours may be changed without asking anybody: the networks were taught with all of them. But
what is cut off or turned round on the screen must not be heard as if it were seen whole.
"""

from __future__ import annotations

from typing import Any

_COLOUR_MODIFIERS = frozenset(
    {"BRIGHT_CONTRAST", "COLOR_BALANCE", "CURVES", "HUE_CORRECT", "TONEMAP", "WHITE_BALANCE"}
)
_OVERHANG_MAX = 0.01
"""Of the frame's side; what fits the frame may be off by a pixel."""


def why_changed(strip: Any, frame_px: tuple[int, int], animated: bool) -> str | None:  # noqa: ANN401
    """Why the strip shows something else than its source does, colours aside.

    Args:
        frame_px: width and height of the scene's picture.
        animated: whether any property of its look is keyed or driven.

    Returns:
        Words that follow the strip's name: ``is cropped``.
    """
    if animated:
        return "is animated"
    if strip.use_flip_x or strip.use_flip_y:
        return "is mirrored"
    if any(getattr(strip.crop, side) for side in ("min_x", "max_x", "min_y", "max_y")):
        return "is cropped"
    if strip.transform.rotation:
        return "is rotated"
    if _overhangs(strip, frame_px):
        return "reaches beyond the frame"
    for modifier in strip.modifiers:
        if not modifier.mute and modifier.type not in _COLOUR_MODIFIERS:
            return f"has the modifier {modifier.name}"
    return None


def why_faint(strip: Any) -> str | None:  # noqa: ANN401
    """Why the strip's picture is not fully seen."""
    return "is transparent" if strip.blend_alpha < 1 else None


def _overhangs(strip: Any, frame_px: tuple[int, int]) -> bool:  # noqa: ANN401
    """Whether a part of the picture lies outside the frame."""
    place = strip.transform
    source_px = _source_size(strip) or frame_px
    axes = zip(
        source_px,
        frame_px,
        (place.scale_x, place.scale_y),
        (place.offset_x, place.offset_y),
        place.origin,
        strict=True,
    )
    for source, frame, scale, offset, origin in axes:
        pivot = (origin - 0.5) * source
        centre = offset + pivot * (1 - scale)
        if abs(centre) + abs(scale) * source / 2 > frame * (0.5 + _OVERHANG_MAX):
            return True
    return False


def _source_size(strip: Any) -> tuple[int, int] | None:  # noqa: ANN401
    """Pixels of the source; None where Blender does not know, or it is as large as the frame."""
    elements: Any = getattr(strip, "elements", ())
    first = elements[0] if len(elements) else None
    return (first.orig_width, first.orig_height) if first and first.orig_width else None
