"""Videos whose every picture says, by its brightness, when it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

LEVELS = 50
"""Brightness goes round after so many pictures; five apart, so no codec confuses them."""


def write_video(
    path: Path,
    stamps_s: Sequence[Fraction],
    *,
    codec: str = "libx264",
    time_base: Fraction = Fraction(1, 90_000),
    size: tuple[int, int] = (64, 48),
    options: dict[str, str] | None = None,
    rotation: int = 0,
    levels: Sequence[int] | None = None,
) -> Path:
    """Write one picture per time stamp; picture k has ``levels[k]``, else ``brightness(k)``."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = time_base
        if rotation:
            stream.set_display_rotation(rotation)
        for number, stamp_s in enumerate(stamps_s):
            grey = brightness(number) if levels is None else levels[number]
            pixels = np.full((size[1], size[0], 3), grey, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = round(stamp_s / time_base), time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def steady(count: int, fps: Fraction | int) -> list[Fraction]:
    """Time stamps of ``count`` pictures at a constant rate."""
    return [Fraction(number) / Fraction(fps) for number in range(count)]


def brightness(number: int) -> int:
    """The grey of picture ``number``, 0 to 255."""
    return 5 + 5 * (number % LEVELS)


def numbers(pictures: np.ndarray, value_max: float = 1.0) -> list[int]:
    """Which picture each of (n, 3, height, width) is, modulo LEVELS."""
    greys = pictures.mean(axis=(1, 2, 3)) / value_max * 255
    return [round((float(grey) - 5) / 5) for grey in greys]
