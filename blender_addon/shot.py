"""A stretch of timeline that Blender has to render, and how small. No bpy here."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from foleyline_contract.messages import Clip


@dataclass(frozen=True, slots=True)
class Shot:
    """A strip's visible frames, drawn with the strips that belong to its picture."""

    scene_name: str
    strip_name: str
    shown: tuple[str, ...]
    """Names of the strips to draw, all in the same timeline or meta strip."""
    first_frame: int
    end_frame: int
    """Frame after the last visible one."""
    scene_fps: Fraction

    @property
    def frames(self) -> int:
        return self.end_frame - self.first_frame

    def clip_at(self, path: Path) -> Clip:
        """The whole of the movie that the shot was rendered to."""
        return Clip(str(path), Fraction(0), self.frames / self.scene_fps)


@dataclass(frozen=True, slots=True)
class FrameSize:
    """A scene's own size, made even, and the percentage of it to render."""

    width_px: int
    height_px: int
    percentage: int


def small_size(width_px: int, height_px: int, least_px: tuple[int, int]) -> FrameSize:
    """The smallest rendering that has at least ``least_px`` (width, height).

    It keeps the scene's shape, since strips are placed in the scene's pixels: Blender's
    percentage is the one way to shrink all alike. Video in 4:2:0 has even sides, so some
    percentages are passed over.
    """
    for percentage in range(1, 101):
        sides = (width_px * percentage // 100, height_px * percentage // 100)
        big_enough = all(side >= least for side, least in zip(sides, least_px, strict=True))
        if big_enough and not any(side % 2 for side in sides):
            return FrameSize(width_px, height_px, percentage)
    return FrameSize(width_px + width_px % 2, height_px + height_px % 2, 100)
