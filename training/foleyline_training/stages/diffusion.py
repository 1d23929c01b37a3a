"""Stage 2b: the latent diffusion model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from foleyline_training.board import Preview
from foleyline_training.data.crops import cut, draw_crop, draw_window
from foleyline_training.objectives.diffusion import Schedule
from foleyline_training.objectives.sampling import sampled
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.conditioned import ConditionedData
from foleyline_training.stages.networks import make_autoencoder, make_denoiser, trained
from foleyline_training.stages.palette import WindowPalette

PREVIEW_SEED, PREVIEW_STEPS = 0, 12
"""The same windows and noise every time, so that takes can be compared."""
CONDITION_DROP_RATE = 0.2
"""Diff-Foley's; a dropped condition is zeros *after* the condition encoder, as sampled."""


class DiffusionStage:
    """Denoise latents of single and of merged windows, one in five without its condition.

    Half of the windows are told which sound of the palette they mostly have.
    """

    name = "diffusion"

    def __init__(self, data: ConditionedData) -> None:
        self.data, self.config = data, data.config
        self.palette = WindowPalette(data.corpus, tuple(data.corpus.materials))
        self.network = make_denoiser(data.config, len(self.palette.names))
        self.schedule = Schedule(data.config.schedule)

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        corpus, batch = self.data.corpus, self.config.stages[self.name].batch
        count, merge_rate = self.config.features.per_window, self.config.merge_rate
        windows = [
            draw_window(rng, corpus.scenes, corpus.duration, count, merge_rate=merge_rate)
            for _ in range(batch)
        ]
        asked = share.put(share.of(self.palette.draw(rng, windows)))
        windows, shape = share.of(windows), self.data.latent_shape(batch)
        clean = self.data.latents(windows, share.normal(rng, shape))
        features = share.put(self.data.feature_windows(windows))
        keep = share.put(share.of(rng.random(batch) >= CONDITION_DROP_RATE))[:, None, None]
        timestep = share.of(self.schedule.draw_timesteps(rng, batch))
        noise = share.normal(rng, shape)
        noisy = self.schedule.add_noise(clean, noise, timestep)
        with share.mixed():
            condition = self.network.condition_encoder(features, asked) * keep
            predicted = self.network.unet(noisy, share.put(timestep), condition)
        errors = F.mse_loss(
            predicted.float(), self.schedule.target(clean, noise, timestep), reduction="none"
        ).mean((1, 2))
        with_condition = keep.flatten() > 0
        rows = {"conditional": errors[with_condition], "unconditional": errors[~with_condition]}
        return errors.mean(), {
            # A batch may hold no row of a kind; a mean of nothing is no figure.
            name: chosen.mean().item()
            for name, chosen in rows.items()
            if len(chosen)
        }

    def preview(self, share: Share) -> Preview:
        """Two windows, and takes for their pictures with classifier-free guidance."""
        rng, data = np.random.default_rng(PREVIEW_SEED), self.data
        corpus, config = data.corpus, self.config
        count, scale = config.features.per_window, config.defaults.cfg_scale
        windows = [(draw_crop(rng, corpus.scenes, corpus.duration, count),) for _ in range(2)]
        noise = share.normal(rng, data.latent_shape(len(windows)))
        features = share.put(data.feature_windows(windows))

        def predict(latent: Tensor, timestep: Tensor) -> Tensor:
            with share.mixed():
                told = self.network.unet(latent, timestep, condition)
                untold = self.network.unet(latent, timestep, torch.zeros_like(condition))
            return untold.float() + scale * (told.float() - untold.float())

        with share.mixed():
            condition = self.network.condition_encoder(features)
        latents = sampled(self.schedule, predict, noise, PREVIEW_STEPS).cpu() / data.scale_factor
        decoder = trained(make_autoencoder(config), data.run / "autoencoder.pt").decoder
        true = np.stack([cut(w, corpus.mels(), config.mel_per_picture) for w in windows])
        mels = {"truth": true.astype(np.float32).swapaxes(1, 2), "take": decoder(latents).numpy()}
        return Preview(mels, config.mel)

    def extra_state(self) -> dict[str, Any]:
        return {"scale_factor": self.data.scale_factor, "palette": list(self.palette.names)}
