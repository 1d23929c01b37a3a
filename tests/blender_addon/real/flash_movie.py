"""Movies and pictures that flash at known moments."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import numpy as np
from edits import MOVIE_PICTURES, RATES, VARIABLE_RATES, movie_name
from movie import HEIGHT_PX, WIDTH_PX

FLASH_S = Fraction(1, 8)
DARK, BRIGHT = 16, 235
IMAGES = 110
_TIME_BASE_HZ = 90_000


def _begin_s() -> list[Fraction]:
    """When flashes begin: unevenly, so that none is taken for another."""
    dice = Random(1)
    moments = [Fraction(1, 5)]
    while moments[-1] < 12:
        moments.append(moments[-1] + Fraction(dice.randrange(250, 400), 1000))
    return moments


_BEGIN_S = _begin_s()


def level(time_s: Fraction) -> int:
    flashing = any(begin_s <= time_s < begin_s + FLASH_S for begin_s in _BEGIN_S)
    return BRIGHT if flashing else DARK


def stamps(fps: Fraction, variable: bool) -> list[Fraction]:
    """When each picture begins; with variable rate one in six is missing and the rest is uneven."""
    even = [number / fps for number in range(MOVIE_PICTURES)]
    if not variable:
        return even
    dice = Random(2)
    kept = [even[0], *(stamp for stamp in even[1:] if dice.random() > 1 / 6)]
    uneven = [stamp + Fraction(dice.randrange(-3, 4), 1000) for stamp in kept[1:]]
    return [Fraction(round(stamp * _TIME_BASE_HZ), _TIME_BASE_HZ) for stamp in (kept[0], *uneven)]


def flashes_s(fps: Fraction, variable: bool) -> list[Fraction]:
    """The time stamps of pictures that are bright after a dark one."""
    times = stamps(fps, variable)
    pairs = itertools.pairwise(times)
    return [after for before, after in pairs if level(before) < level(after)]


def write_media(folder: Path) -> None:
    """All movies that an edit may use, and an image sequence."""
    for rate in RATES:
        _write_movie(folder / movie_name(rate), stamps(rate, False), rate.numerator)
    for rate in VARIABLE_RATES:
        path = folder / movie_name(rate, variable=True)
        _write_movie(path, stamps(rate, True), _TIME_BASE_HZ)
    (folder / "images").mkdir(exist_ok=True)
    for number in range(IMAGES):
        png = av.CodecContext.create("png", "w")
        png.width, png.height, png.pix_fmt = WIDTH_PX, HEIGHT_PX, "rgb24"
        png.time_base = Fraction(1)
        picture = _picture(level(Fraction(number, 24)))
        (folder / "images" / f"p{number:04}.png").write_bytes(bytes(png.encode(picture)[0]))


def _picture(grey: int) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(
        np.full((HEIGHT_PX, WIDTH_PX, 3), grey, np.uint8), format="rgb24"
    )


def _write_movie(path: Path, times_s: list[Fraction], time_base_hz: int) -> None:
    if path.exists():
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"g": "12", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, time_base_hz)
        for time_s in times_s:
            frame = _picture(level(time_s))
            frame.pts, frame.time_base = int(time_s * time_base_hz), Fraction(1, time_base_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
