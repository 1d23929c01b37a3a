"""Data of stages 2b and 3 for the released networks: latents are encoded as they are drawn.

A merged window's mel goes through the autoencoder whole, as it does in the released training,
and its joint is in the latent as it would be in a recording; so latents cannot be cached.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foleyline_training.config import Config
from foleyline_training.data.column_windows import ColumnWindow, ColumnWindows, drawing
from foleyline_training.data.corpus_files import ClipArrays
from foleyline_training.data.crops import cut
from foleyline_training.stages.conditioned import ConditionedData, WindowData, cached_features
from foleyline_training.stages.networks import autoencoder_of, trained


def window_data(
    config: Config, corpus: ClipArrays, run: Path, scale_factor: float | None = None
) -> WindowData:
    """The data that the configuration's kind of networks is trained on.

    Args:
        scale_factor: one that the mini is used to; the released networks have one in common.
    """
    if config.networks.is_mini:
        return ConditionedData(config, corpus, run, scale_factor)
    return EncodedData(config, corpus, run)


class EncodedData:
    """Cached features and mels, and the frozen autoencoder.

    Attributes:
        features: (scenes, duration, feature_dim), unit vectors.
        run: where the trained networks are.
        mels: (scenes, mel_frames, bands).
        scale_factor: multiplies sampled latents; Stable Diffusion's.
    """

    def __init__(self, config: Config, corpus: ClipArrays, run: Path) -> None:
        self.config, self.corpus, self.run = config, corpus, run
        self.windows = ColumnWindows(config, corpus.scenes, corpus.duration)
        self.rules = self.windows.rules
        self.scale_factor = self.rules.latent_scale
        self.features = cached_features(config, corpus, run)
        self.mels = corpus.mels()
        self.encoder = trained(autoencoder_of(config), run / "autoencoder.pt").encoder

    @property
    def condition_drop_rate(self) -> float:
        """Share of windows whose features are zeros."""
        return self.rules.condition_drop_rate

    def draw_windows(self, rng: np.random.Generator, batch: int) -> list[ColumnWindow]:
        """Windows of columns, some of them merged from two scenes."""
        return [self.windows.draw(rng) for _ in range(batch)]

    def draw_single(self, rng: np.random.Generator) -> ColumnWindow:
        """A window of one scene."""
        return self.windows.single(int(rng.integers(self.corpus.scenes)), drawing(rng))

    def mel_windows(self, windows: list[ColumnWindow]) -> NDArray[np.float32]:
        """What is heard in them, (batch, bands, mel_frames)."""
        stacked = np.stack([cut(window.heard, self.mels) for window in windows])
        return stacked.astype(np.float32).swapaxes(1, 2)

    def draw_pairs(
        self, rng: np.random.Generator, batch: int
    ) -> tuple[list[ColumnWindow], list[ColumnWindow], NDArray[np.int64]]:
        """Windows to hear, windows to see, and kinds; each pair is one window here."""
        true, shifted = self.rules.true_rate, self.rules.shifted_rate
        kinds = rng.choice(3, size=batch, p=[true, shifted, 1 - true - shifted])
        pairs = [self.windows.pair(rng, int(kind)) for kind in kinds]
        return pairs, pairs, kinds

    def latent_shape(self, batch: int) -> tuple[int, ...]:
        """Shape of the latents of ``batch`` windows: (batch, channels, rows, columns)."""
        return batch, *self.config.latent_shape

    def latents(self, windows: list[ColumnWindow], noise: Tensor) -> Tensor:
        """Sampled, scaled latents on the device of ``noise``, which is standard normal.

        The mel stays in [0, 1]: the autoencoder's usual [-1, 1] is not what was trained on.

        Args:
            noise: (batch, channels, rows, columns), as the result.
        """
        mel = torch.from_numpy(self.mel_windows(windows)).to(noise.device)
        with torch.no_grad():
            mean, log_variance = self.encoder.to(noise.device)(mel)
        return self.scale_factor * (mean + (0.5 * log_variance).exp() * noise)

    def feature_windows(self, windows: list[ColumnWindow]) -> Tensor:
        """Features (batch, per_window, feature_dim)."""
        stacked = np.stack([cut(window.seen, self.features) for window in windows])
        return torch.from_numpy(stacked.astype(np.float32))
