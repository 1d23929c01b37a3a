"""Windows as the released training cuts them: by mel columns and samples, not by pictures.

At 62.5 columns and 4 pictures a second the two share no grid, so a window says apart which
columns are heard and which features are seen, rounded as the released code rounds.
Source: stage2_ldm/adm/data/video_spec_dataset.py, which our tests hold this against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from foleyline_training.config import Config
from foleyline_training.data.crops import Crop, Merged
from foleyline_training.released_config import WindowConfig

Draw = Callable[[int, int], int]
"""A whole number between two, both included."""


@dataclass(frozen=True, slots=True)
class ColumnWindow:
    """Crops of mel columns, and crops of features, each in the order they follow one another."""

    heard: Merged
    seen: Merged


class ColumnWindows:
    """Draws windows of a corpus.

    Args:
        scenes: how many there are to draw from.
        duration: pictures in each.
    """

    def __init__(self, config: Config, scenes: int, duration: int) -> None:
        if config.windows is None:
            raise ValueError("the configuration has no [windows]")
        self.rules: WindowConfig = config.windows
        self.merge_rate = config.merge_rate
        self.scenes, self.fps, self.rate_hz = scenes, config.picture.fps, config.mel.rate_hz
        self.hop, self.features = config.mel.hop, config.features.per_window
        self.columns = config.window_mel_frames
        self.samples = int(duration / self.fps * self.rate_hz)
        self.least = int(self.rules.least_part_s * self.rate_hz) // self.hop
        """Columns of the shorter part of a merged window."""
        if self.samples <= self.columns * self.hop or self.columns <= 2 * self.least:
            raise ValueError("the scenes, or the windows, are too short for windows of columns")

    def draw(self, rng: np.random.Generator) -> ColumnWindow:
        """A window of one scene, or at ``merge_rate`` of two."""
        draw = drawing(rng)
        if rng.random() >= self.merge_rate:
            return self.single(int(rng.integers(self.scenes)), draw)
        scenes = rng.integers(self.scenes, size=2).tolist()
        return self.merged((scenes[0], scenes[1]), draw)

    def single(self, scene: int, draw: Draw) -> ColumnWindow:
        """One scene's columns and features, from a sample on."""
        start = draw(0, self.samples - self.columns * self.hop - 1)
        heard = Crop(scene, start // self.hop, self.columns)
        return ColumnWindow((heard,), (Crop(scene, self._picture(start), self.features),))

    def merged(self, scenes: tuple[int, int], draw: Draw) -> ColumnWindow:
        """Temporal Split & Merge: the first scene up to a column, the second from there on."""
        split = draw(self.least, self.columns - self.least - 1)
        starts = draw(0, self.columns - split - 1), draw(0, split - 1)
        before = self._picture(split * self.hop)
        heard = zip(scenes, starts, (split, self.columns - split), strict=True)
        seen = zip(scenes, starts, (before, self.features - before), strict=True)
        return ColumnWindow(
            tuple(Crop(scene, start, count) for scene, start, count in heard),
            tuple(
                Crop(scene, self._picture(start * self.hop), count) for scene, start, count in seen
            ),
        )

    def pair(self, rng: np.random.Generator, kind: int) -> ColumnWindow:
        """For the classifier: 0 what belongs together, 1 shifted in time, 2 of two scenes.

        The released code does not say how it shifts. Here the features are those of another
        picture on, and every start that leaves a whole window is as likely.
        """
        window = self.single(int(rng.integers(self.scenes)), drawing(rng))
        (seen,) = window.seen
        if kind == 1:
            last = int(self.samples * self.fps / self.rate_hz) - self.features
            first = int(rng.integers(last))  # any but where it is
            return replace(window, seen=(replace(seen, first=first + (first >= seen.first)),))
        if kind == 2:
            scene = int(rng.integers(self.scenes - 1))
            return replace(window, seen=(replace(seen, scene=scene + (scene >= seen.scene)),))
        return window

    def _picture(self, sample: int) -> int:
        """The picture that lasts while a sample is heard."""
        return int(self.fps * sample / self.rate_hz)


def drawing(rng: np.random.Generator) -> Draw:
    """Even draws of ``rng``."""
    return lambda low, high: int(rng.integers(low, high + 1))
