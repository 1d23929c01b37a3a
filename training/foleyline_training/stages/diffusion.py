"""Stage 2b: the latent diffusion model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from foleyline_training.board import Preview
from foleyline_training.objectives.diffusion import Schedule
from foleyline_training.objectives.sampling import sampled
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.conditioned import WindowData
from foleyline_training.stages.networks import autoencoder_of, denoiser_of, trained
from foleyline_training.stages.palette import WindowPalette

PREVIEW_SEED, PREVIEW_STEPS = 0, 12
"""The same windows and noise every time, so that takes can be compared."""


class DiffusionStage:
    """Denoise latents of single and of merged windows, one in five without its condition.

    Half of the mini's windows are told which sound of the palette they mostly have.
    """

    name = "diffusion"

    def __init__(self, data: WindowData) -> None:
        self.data, self.config = data, data.config
        materials = tuple(data.corpus.materials) if data.config.networks.is_mini else ()
        self.palette = WindowPalette(data.corpus, materials)
        self.network = denoiser_of(data.config, len(materials))
        self.schedule = Schedule(data.config.schedule)

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        batch, is_mini = self.config.stages[self.name].batch, self.config.networks.is_mini
        windows = self.data.draw_windows(rng, batch)
        asked = share.put(share.of(self.palette.draw(rng, windows))) if is_mini else None
        windows, shape = share.of(windows), self.data.latent_shape(batch)
        clean = self.data.latents(windows, share.normal(rng, shape))
        features = share.put(self.data.feature_windows(windows))
        keep = share.put(share.of(rng.random(batch) >= self.data.condition_drop_rate))[
            :, None, None
        ]
        timestep = share.of(self.schedule.draw_timesteps(rng, batch))
        noise = share.normal(rng, shape)
        noisy = self.schedule.add_noise(clean, noise, timestep)
        with share.mixed():
            condition = self.network.condition(features, keep, asked)
            predicted = self.network.unet(noisy, share.put(timestep), condition)
        errors = F.mse_loss(
            predicted.float(), self.schedule.target(clean, noise, timestep), reduction="none"
        ).mean(tuple(range(1, noise.dim())))
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
        scale = self.config.defaults.cfg_scale
        windows = [data.draw_single(rng) for _ in range(2)]
        noise = share.normal(rng, data.latent_shape(len(windows)))
        features = share.put(data.feature_windows(windows))

        def predict(latent: Tensor, timestep: Tensor) -> Tensor:
            with share.mixed():
                told = self.network.unet(latent, timestep, condition)
                untold = self.network.unet(latent, timestep, torch.zeros_like(condition))
            return untold.float() + scale * (told.float() - untold.float())

        with share.mixed():
            condition = self.network.condition(features, torch.ones_like(features[:, :1, :1]), None)
        latents = sampled(self.schedule, predict, noise, PREVIEW_STEPS).cpu() / data.scale_factor
        decoder = trained(autoencoder_of(self.config), data.run / "autoencoder.pt").decoder
        mels = {"truth": data.mel_windows(windows), "take": decoder(latents).numpy()}
        return Preview(mels, self.config.mel)

    def extra_state(self) -> dict[str, Any]:
        return {"scale_factor": self.data.scale_factor, "palette": list(self.palette.names)}
