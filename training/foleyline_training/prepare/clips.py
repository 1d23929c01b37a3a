"""One video, cut into clips that follow one another: pictures and the sound that goes with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.fields import to_json
from foleyline_contract.specs import PictureSpec
from foleyline_training.config import Config
from foleyline_training.data.crops import LEAST_SHIFT_S
from foleyline_training.prepare.errors import VideoUnusable
from foleyline_training.prepare.sounds import SoundReader
from foleyline_training.prepare.videos import HOLD_MAX_S, PictureReader, Pixels

JPEG_FROM_PX = 112
"""Pictures whose longer side has so many pixels are kept as JPEG, smaller ones as they are."""


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """What every prepared clip is.

    Attributes:
        duration_pictures: pictures in a clip.
        rate_hz: of its sound, mono.
    """

    picture: PictureSpec
    duration_pictures: int
    rate_hz: int

    @classmethod
    def of(cls, config: Config, clip_s: Fraction | None = None) -> ClipSpec:
        """What ``config`` trains on, in clips of ``clip_s`` where that is given."""
        pictures = config.corpus.duration_pictures
        if clip_s is not None:
            pictures = int(clip_s * config.picture.fps)
        return cls(config.picture, pictures, config.mel.rate_hz)

    @property
    def duration_s(self) -> Fraction:
        """Length of a clip."""
        return self.duration_pictures / self.picture.fps

    @property
    def samples(self) -> int:
        """Samples of sound in a clip."""
        return int(self.duration_s * self.rate_hz)

    @property
    def jpeg(self) -> bool:
        """Whether pictures are kept as JPEG."""
        return max(self.picture.height_px, self.picture.width_px) >= JPEG_FROM_PX

    def as_json(self) -> dict[str, Any]:
        """The spec as it stands in an index."""
        return to_json(self)


def least_pictures(config: Config) -> int:
    """Pictures in the shortest clip: a window that can be shifted either way from anywhere."""
    return config.features.per_window + 2 * round(LEAST_SHIFT_S * config.picture.fps)


@dataclass(frozen=True, slots=True)
class RawClip:
    """One clip of a video.

    Attributes:
        start_s: where it begins, after the video's first picture.
        pictures: uint8 RGB (height_px, width_px, 3) each; the same object while one stays.
        sound: int16 (samples,).
    """

    start_s: Fraction
    pictures: list[Pixels]
    sound: NDArray[np.int16]


def iter_clips(path: Path, spec: ClipSpec, threads: int = 1) -> Iterator[RawClip]:
    """Yield a video's clips, one in memory at a time; what is left at its end is dropped.

    Picture or sound may lack up to ``HOLD_MAX_S`` at the end of the last one: the last picture is
    held and silence follows.

    Args:
        threads: that decode the picture.

    Raises:
        VideoUnusable: the file cannot be used; it may come after clips.
    """
    length, number = spec.duration_pictures, 0
    lacking_max = round(HOLD_MAX_S * spec.rate_hz)
    with (
        PictureReader(path, spec.picture, threads) as shown,
        SoundReader(path, spec.rate_hz, shown.origin_s) as heard,
    ):
        stream = shown.pictures()
        while len(pictures := list(islice(stream, length))) == length:
            start_s = number * spec.duration_s
            # From the clip's start, not from the last clip's end: a clip may be no whole samples.
            first = int(start_s * spec.rate_hz)
            sound = heard.read(first, lacking_max=0)
            if sound is not None:
                sound = heard.read(first + spec.samples, lacking_max=lacking_max)
            if sound is None:
                break
            yield RawClip(start_s, pictures, sound)
            number += 1
    if not number:
        short = "picture" if len(pictures) < length else "sound"
        raise VideoUnusable(
            f"Its {short} is shorter than a clip of {float(spec.duration_s):.3g} s."
        )
