"""What stages 2b and 3 share: windows of features and latents.

The mini's latents are cached for the whole corpus; encoded.py encodes the released ones as
they are drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foleyline_contract.bundle import file_sha256
from foleyline_training.config import Config
from foleyline_training.data.corpus_files import ClipArrays, as_pictures
from foleyline_training.data.crops import Merged, cut, draw_crop, draw_window
from foleyline_training.share import whole_share
from foleyline_training.stages.networks import cavp_of, make_autoencoder, trained
from foleyline_training.stages.pairs import draw_pairs

CONDITION_DROP_RATE = 0.2
"""Diff-Foley's."""


class WindowData(Protocol):
    """What stages 2b and 3 need of their data; only the data knows what its windows are."""

    config: Config
    corpus: ClipArrays
    run: Path
    scale_factor: float

    @property
    def condition_drop_rate(self) -> float:
        """Share of windows that have to do without their condition."""
        ...

    def draw_windows(self, rng: np.random.Generator, batch: int) -> list[Any]:
        """Windows of one scene, and of two."""
        ...

    def draw_single(self, rng: np.random.Generator) -> Any:  # noqa: ANN401
        """A window of one scene."""
        ...

    def mel_windows(self, windows: list[Any]) -> NDArray[np.float32]:
        """What is heard in them, (batch, bands, mel_frames)."""
        ...

    def draw_pairs(
        self, rng: np.random.Generator, batch: int
    ) -> tuple[list[Any], list[Any], NDArray[np.int64]]:
        """Windows to hear, windows to see, and kinds: 0 true, 1 shifted, 2 of two scenes."""
        ...

    def latent_shape(self, batch: int) -> tuple[int, ...]:
        """Shape of the latents of ``batch`` windows."""
        ...

    def latents(self, windows: list[Any], noise: Tensor) -> Tensor:
        """Sampled, scaled latents in the shape and on the device of ``noise``."""
        ...

    def feature_windows(self, windows: list[Any]) -> Tensor:
        """Features (batch, per_window, feature_dim)."""
        ...


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

    condition_drop_rate = CONDITION_DROP_RATE

    def __init__(
        self, config: Config, corpus: ClipArrays, run: Path, scale_factor: float | None = None
    ) -> None:
        self.config, self.corpus, self.run = config, corpus, run
        self.features = cached_features(config, corpus, run)
        self.moments = self._moments(run)
        means = self.moments[: min(500, corpus.scenes), :, : config.latent.channels]
        self.scale_factor = scale_factor or float(1 / means.astype(np.float32).std())

    def _moments(self, run: Path) -> NDArray[np.float16]:
        device = _device(self.config)
        network = trained(make_autoencoder(self.config), run / "autoencoder.pt").encoder.to(device)
        mels = self.corpus.mels()

        def compute(start: int, stop: int) -> NDArray[np.float16]:
            mel = torch.from_numpy(mels[start:stop].astype(np.float32)).transpose(1, 2)
            moments = torch.cat(network(mel.to(device)), dim=1)
            return moments.transpose(1, 2).cpu().numpy().astype(np.float16)

        latent = self.config.latent
        shape = (self.corpus.duration * latent.columns_per_feature, 2 * latent.channels)
        return self.corpus.cached(_named("moments", run / "autoencoder.pt"), shape, compute)

    def draw_windows(self, rng: np.random.Generator, batch: int) -> list[Merged]:
        """Windows of pictures, some of them merged from two scenes."""
        corpus, config = self.corpus, self.config
        count, merge_rate = config.features.per_window, config.merge_rate
        return [
            draw_window(rng, corpus.scenes, corpus.duration, count, merge_rate=merge_rate)
            for _ in range(batch)
        ]

    def draw_single(self, rng: np.random.Generator) -> Merged:
        """A window of one scene."""
        corpus = self.corpus
        count = self.config.features.per_window
        return (draw_crop(rng, corpus.scenes, corpus.duration, count),)

    def mel_windows(self, windows: list[Merged]) -> NDArray[np.float32]:
        """What is heard in them, (batch, bands, mel_frames)."""
        mels, per = self.corpus.mels(), self.config.mel_per_picture
        stacked = np.stack([cut(window, mels, per) for window in windows])
        return stacked.astype(np.float32).swapaxes(1, 2)

    def draw_pairs(
        self, rng: np.random.Generator, batch: int
    ) -> tuple[list[Merged], list[Merged], NDArray[np.int64]]:
        """Windows to hear, windows to see, and kinds; pairs.py says how many of each."""
        sounds, pictures, kinds = draw_pairs(rng, self.config, self.corpus, batch)
        return [(crop,) for crop in sounds], [(crop,) for crop in pictures], kinds

    def latent_shape(self, batch: int) -> tuple[int, ...]:
        """Shape of the latents of ``batch`` windows: (batch, channels, columns)."""
        return batch, *self.config.latent_shape

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


def cached_features(config: Config, corpus: ClipArrays, run: Path) -> NDArray[np.float16]:
    """Features (scenes, duration, feature_dim) of whole scenes, by the run's trained CAVP."""
    weights, device = run / "cavp.pt", _device(config)
    encode = trained(cavp_of(config, len(corpus.materials)), weights).to(device).video

    def compute(start: int, stop: int) -> NDArray[np.float16]:
        pictures = as_pictures(corpus.pictures[start:stop], device)
        return encode(pictures).cpu().numpy().astype(np.float16)

    shape = (corpus.duration, config.features.dim)
    return corpus.cached(_named("features", weights), shape, compute)


def _device(config: Config) -> torch.device:
    """Where the stage that reads the caches trains; they are made there too."""
    return whole_share(config.stages["diffusion"]).device


def _named(what: str, weights: Path) -> str:
    """A name that other weights do not share, so that a cache never outlives what made it."""
    return f"{what}-{file_sha256(weights)[:12]}"
