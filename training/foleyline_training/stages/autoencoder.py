"""Stage 2a: the autoencoder of log-mels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from foleyline_training.board import Preview
from foleyline_training.config import Config
from foleyline_training.data.corpus_files import ClipArrays
from foleyline_training.data.crops import draw_crop
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.networks import make_autoencoder

PREVIEW_SEED = 0
"""The same windows every time, so that they can be compared."""
KL_WEIGHT = 2e-4
SILENCE_WEIGHT = 0.25
"""Most of a mel is silence; errors there count this much against errors at full level."""


class AutoencoderStage:
    """Weighted L1 on mels and on their change in time, and a small KL term."""

    name = "autoencoder"

    def __init__(self, config: Config, corpus: ClipArrays) -> None:
        self.config, self.corpus = config, corpus
        self.network = make_autoencoder(config)
        self.mels = corpus.mels()

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        config, corpus = self.config, self.corpus
        crops = [
            draw_crop(rng, corpus.scenes, corpus.duration, config.features.per_window)
            for _ in range(config.stages[self.name].batch)
        ]
        columns = config.features.per_window * config.latent.columns_per_feature
        noise = share.normal(rng, (len(crops), config.latent.channels, columns))
        cuts = [crop.cut(self.mels, config.mel_per_picture) for crop in share.of(crops)]
        mel = share.put(np.stack(cuts)).transpose(1, 2)
        with share.mixed():
            rebuilt, kl = self.network(mel, noise)
        rebuilt = rebuilt.float()
        weight = SILENCE_WEIGHT + mel
        level = (weight * (rebuilt - mel).abs()).mean()
        change = (weight[..., 1:] * (rebuilt.diff(dim=-1) - mel.diff(dim=-1)).abs()).mean()
        return level + change / 2 + KL_WEIGHT * kl, {
            "level": level.item(),
            "change": change.item(),
            "kl": kl.item(),
            "l1": (rebuilt - mel).abs().mean().item(),
        }

    def preview(self, share: Share) -> Preview:
        """Two windows, and what comes back of them."""
        rng, config = np.random.default_rng(PREVIEW_SEED), self.config
        count = config.features.per_window
        crops = [draw_crop(rng, self.corpus.scenes, self.corpus.duration, count) for _ in range(2)]
        cuts = [crop.cut(self.mels, config.mel_per_picture) for crop in crops]
        mel = share.put(np.stack(cuts)).transpose(1, 2)
        with share.mixed():
            mean, _ = self.network.encoder(mel)
            rebuilt = self.network.decoder(mean)
        mels = {"truth": mel.cpu().numpy(), "rebuilt": rebuilt.float().cpu().numpy()}
        return Preview(mels, config.mel)

    def extra_state(self) -> dict[str, Any]:
        return {}
