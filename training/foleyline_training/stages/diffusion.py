"""Stage 2b: the latent diffusion model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from foleyline_training.data.crops import draw_window
from foleyline_training.objectives.diffusion import Schedule
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.conditioned import ConditionedData
from foleyline_training.stages.networks import make_denoiser
from foleyline_training.stages.palette import WindowPalette

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
        windows = [
            draw_window(rng, corpus.scenes, corpus.duration, self.config.features.per_window)
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

    def extra_state(self) -> dict[str, Any]:
        return {"scale_factor": self.data.scale_factor, "palette": list(self.palette.names)}
