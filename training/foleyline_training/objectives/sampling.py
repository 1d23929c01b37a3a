"""Latents out of noise, to hear during training what a denoiser can do.

The server's samplers make takes; this is DDIM with few steps and none of their care.
Source: Song et al., Denoising Diffusion Implicit Models, equation 12 with eta = 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from foleyline_training.objectives.diffusion import Schedule


def sampled(
    schedule: Schedule, predict: Callable[[Tensor, Tensor], Tensor], noise: Tensor, steps: int
) -> Tensor:
    """Turn ``noise`` (batch, channels, columns) into latents.

    Args:
        predict: what the schedule predicts, of a noisy latent and its timesteps (batch,).
    """
    times = np.linspace(schedule.spec.steps - 1, 0, steps).round().astype(np.int64)
    latent = noise
    clean = noise
    for now, then in zip(times, [*times[1:], None], strict=True):
        timestep = torch.full((len(latent),), int(now))
        predicted = predict(latent, timestep.to(latent.device, torch.float32))
        clean, left = schedule.parted(latent, predicted, timestep)
        if then is not None:
            latent = schedule.add_noise(clean, left, torch.full_like(timestep, int(then)))
    return clean
