"""A scene as a video file, for the shipped example and for evaluation.

The only module of the corpus that imports PyAV.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import ceil
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from .render import source_picture
from .scene import Scene
from .sensor import Sensor


def write_clip(
    scene: Scene,
    path: Path,
    *,
    width: int = 640,
    height: int = 360,
    fps: Fraction = Fraction(24),
    sound: NDArray[np.float32] | None,
    rate_hz: int,
) -> None:
    """Write the scene as H.264 in MP4, with an AAC track where `sound` (samples,) is given.

    It has the scene's look, defects and lost frames included. `width` and `height` must be
    even. `sound` is mono in -1..1 at `rate_hz`.
    """
    sensor = Sensor(scene.look.defects, width, height)
    pictures = (
        source_picture(scene, sensor, sensor.kept(number), fps, width, height)
        for number in range(ceil(scene.duration_s * fps))
    )
    write_video(pictures, path, fps, width=width, height=height, sound=sound, rate_hz=rate_hz)


def write_video(
    pictures: Iterable[NDArray[np.uint8]],
    path: Path,
    fps: Fraction,
    *,
    width: int,
    height: int,
    sound: NDArray[np.float32] | None,
    rate_hz: int,
) -> None:
    """Write pictures (height, width, 3), RGB, at `fps`, and the sound, if any, as write_clip."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = {"crf": "21", "preset": "veryfast"}
        audio = None
        if sound is not None:
            audio = container.add_stream("aac", rate=rate_hz, layout="mono")
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, 1 / Fraction(fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            heard = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(sound[None, :], dtype=np.float32), format="fltp", layout="mono"
            )
            heard.sample_rate, heard.pts, heard.time_base = rate_hz, 0, Fraction(1, rate_hz)
            container.mux(audio.encode(heard))
            container.mux(audio.encode(None))
