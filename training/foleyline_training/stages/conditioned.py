"""What stages 2b and 3 share: cached features and latents of a whole corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foleyline_contract.bundle import file_sha256
from foleyline_training.config import Config
from foleyline_training.data.corpus_files import ClipArrays, as_pictures
from foleyline_training.data.crops import Merged, cut
from foleyline_training.stages.networks import make_autoencoder, make_cavp, trained


class ConditionedData:
    """Features and latents of every scene, made with the trained CAVP and autoencoder.

    Attributes:
        features: (scenes, duration, feature_dim).
        moments: (scenes, columns, 2 * latent_channels), means then log variances.
        run: where the trained networks are.
        scale_factor: makes latents of unit variance.

    Args:
        scale_factor: one that networks are used to, which go on with other clips.
    """

    def __init__(
        self, config: Config, corpus: ClipArrays, run: Path, scale_factor: float | None = None
    ) -> None:
        self.config, self.corpus, self.run = config, corpus, run
        self.features = self._features(run)
        self.moments = self._moments(run)
        means = self.moments[: min(500, corpus.scenes), :, : config.latent.channels]
        self.scale_factor = scale_factor or float(1 / means.astype(np.float32).std())

    def _features(self, run: Path) -> NDArray[np.float16]:
        network = trained(make_cavp(self.config, len(self.corpus.materials)), run / "cavp.pt").video

        def compute(start: int, stop: int) -> NDArray[np.float16]:
            pictures = as_pictures(self.corpus.pictures[start:stop])
            return network(pictures).numpy().astype(np.float16)

        shape = (self.corpus.duration, self.config.features.dim)
        return self.corpus.cached(_named("features", run / "cavp.pt"), shape, compute)

    def _moments(self, run: Path) -> NDArray[np.float16]:
        network = trained(make_autoencoder(self.config), run / "autoencoder.pt").encoder
        mels = self.corpus.mels()

        def compute(start: int, stop: int) -> NDArray[np.float16]:
            mel = torch.from_numpy(mels[start:stop].astype(np.float32)).transpose(1, 2)
            moments = torch.cat(network(mel), dim=1)
            return moments.transpose(1, 2).numpy().astype(np.float16)

        latent = self.config.latent
        shape = (self.corpus.duration * latent.columns_per_feature, 2 * latent.channels)
        return self.corpus.cached(_named("moments", run / "autoencoder.pt"), shape, compute)

    def latent_shape(self, batch: int) -> tuple[int, int, int]:
        """Shape of the latents of ``batch`` windows: (batch, channels, columns)."""
        latent = self.config.latent
        return batch, latent.channels, self.config.features.per_window * latent.columns_per_feature

    def latents(self, windows: list[Merged], noise: Tensor) -> Tensor:
        """Sampled, scaled latents on the device of ``noise``, which is standard normal.

        Args:
            noise: (batch, channels, columns), as the result.
        """
        per = self.config.latent.columns_per_feature
        stacked = np.stack([cut(window, self.moments, per) for window in windows])
        moments = torch.from_numpy(stacked.astype(np.float32)).transpose(1, 2).to(noise.device)
        mean, log_variance = moments.chunk(2, dim=1)
        return self.scale_factor * (mean + (0.5 * log_variance).exp() * noise)

    def feature_windows(self, windows: list[Merged]) -> Tensor:
        """Features (batch, per_window, feature_dim)."""
        stacked = np.stack([cut(window, self.features) for window in windows])
        return torch.from_numpy(stacked.astype(np.float32))


def _named(what: str, weights: Path) -> str:
    """A name that other weights do not share, so that a cache never outlives what made it."""
    return f"{what}-{file_sha256(weights)[:12]}"
