"""Test movies: a ball that bounces, with every picture's number drawn above it as squares."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH_PX, HEIGHT_PX = 640, 360
BITS = 10


def picture(index: int, fps: Fraction) -> np.ndarray:
    image = np.empty((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    image[:] = np.linspace(60, 110, HEIGHT_PX, dtype=np.uint8)[:, None, None]
    image[300:] = (96, 74, 58)
    for bit in range(BITS):
        left = 10 + bit * 24
        image[10:26, left : left + 16] = 235 if index >> bit & 1 else 16
    phase = float(index / fps * 2 % 1)  # two bounces a second, the first at 0
    height = 700 * phase * (1 - phase)
    y, x = np.ogrid[:HEIGHT_PX, :WIDTH_PX]
    image[(x - 320) ** 2 + (y - (270 - height)) ** 2 <= 30**2] = (226, 104, 44)
    return image


def write_movie(path: Path, fps: Fraction, pictures: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"g": "12", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        for index in range(pictures):
            frame = av.VideoFrame.from_ndarray(picture(index, fps), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
