"""What is heard and seen of a filled edit: its mix and its rendered frames."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 48_000
SAMPLES_MAX = 1
"""Blender begins a sound strip on the first whole sample of its first frame, or the one after."""
HEAD_SAMPLES_MAX = 128
"""At 60 fps Blender leaves out the first two milliseconds of one sound strip in eight."""
LOUD, QUIET_SAMPLES = 0.15, 480
"""Of full scale, where a click in the mix begins with 0.35; and the silence before it."""
MIXED, MIX_ERROR = 2**-0.5, 0.01
"""How loud a mono sound is in a stereo mix, and by how much it may differ there."""


@dataclass(frozen=True)
class Timeline:
    """A filled edit; positions are timeline frames."""

    fps: Fraction
    first_frame: int
    heard: list[Fraction]
    brightness: list[float]
    sound: NDArray[np.float64]

    def rises(self, first: int, end: int, least: float) -> list[int]:
        """Frames brighter by ``least`` than the one before; before the first it is black."""
        levels = [0.0, *(self.brightness[n - self.first_frame] for n in range(first, end))]
        pairs = itertools.pairwise(levels)
        return [first + n for n, (before, after) in enumerate(pairs) if after - before > least]

    def sample(self, frame: Fraction) -> int:
        return round(frame * RATE_HZ / self.fps)

    def is_beheaded(self, heard: int, first: int, take: str) -> bool:
        """Whether the take that begins at a sample lacks its head, the rest lying where it should.

        Args:
            heard: the sample where it gets loud.
        """
        missing = heard - first
        if not 0 < missing <= HEAD_SAMPLES_MAX:
            return False
        whole = soundfile.read(take)[0][missing + SAMPLES_MAX :][:HEAD_SAMPLES_MAX] * MIXED
        for late in range(-SAMPLES_MAX, SAMPLES_MAX + 1):
            mixed = self.sound[heard + SAMPLES_MAX + late :][: len(whole)]
            if np.abs(mixed - whole[: len(mixed)]).max() < MIX_ERROR:
                return True
        return False


def read(folder: Path, entry: dict[str, Any]) -> Timeline:
    """The timeline of a line of ``placement.jsonl``."""
    fps, first_frame = Fraction(entry["scene_fps"]), entry["first_frame"]
    sound, rate_hz = soundfile.read(folder / entry["mix"], always_2d=True)
    if rate_hz != RATE_HZ:
        raise SystemExit(f"the mix has {rate_hz} Hz")
    heard = [n * fps / RATE_HZ for n in onsets(sound[:, 0])]
    pictures = sorted((folder / entry["frames"]).iterdir())
    levels = [brightness(path) for path in pictures]
    return Timeline(fps, first_frame, heard, levels, sound[:, 0])


def onsets(sound: NDArray[np.float64]) -> list[int]:
    """Samples at which it gets loud after a silence."""
    loud = np.flatnonzero(np.abs(sound) > LOUD)
    first = np.diff(loud, prepend=-QUIET_SAMPLES - 1) > QUIET_SAMPLES
    return loud[first].tolist()


def brightness(path: Path) -> float:
    """The mean of a picture, 0 to 255."""
    with av.open(str(path)) as container:
        return float(next(container.decode(video=0)).to_ndarray(format="gray").mean())
