"""The diffusion objective: noise a latent, ask for it back.

Source: Diff-Foley, section 2.2; the schedule is Stable Diffusion's, as in the official
``diff_foley_train.yaml``. The mini predicts the clean latent: narrow networks learn it and
do not learn noise.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from foleyline_contract.specs import ScheduleSpec


class Schedule:
    """Noise levels of the ``scaled-linear`` schedule."""

    def __init__(self, spec: ScheduleSpec) -> None:
        if spec.kind != "scaled-linear":
            raise ValueError(f"unknown schedule kind {spec.kind!r}")
        self.spec = spec
        roots = torch.linspace(spec.beta_start**0.5, spec.beta_end**0.5, spec.steps).double()
        self.alphas_cumprod = torch.cumprod(1 - roots.square(), dim=0).float()

    def draw_timesteps(self, rng: np.random.Generator, batch: int) -> Tensor:
        """Uniform integer steps ``(batch,)``, spread evenly over the batch."""
        offsets = torch.from_numpy((np.arange(batch) + rng.random(batch)) / batch)
        return (offsets * self.spec.steps).long().clamp_max(self.spec.steps - 1)

    def _levels(self, like: Tensor, timestep: Tensor) -> Tensor:
        """abar_t of each row, to be multiplied with ``like``, on its device."""
        level = self.alphas_cumprod[timestep.cpu()]
        return level.reshape(-1, *[1] * (like.dim() - 1)).to(like.device)

    def add_noise(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """z_t = sqrt(abar_t) z_0 + sqrt(1 - abar_t) eps."""
        level = self._levels(clean, timestep)
        return level.sqrt() * clean + (1 - level).sqrt() * noise

    def parted(self, noisy: Tensor, predicted: Tensor, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """The clean latent and the noise that a prediction says ``noisy`` is made of."""
        level = self._levels(noisy, timestep)
        match self.spec.prediction:
            case "x0":
                clean = predicted
            case "epsilon":
                clean = (noisy - (1 - level).sqrt() * predicted) / level.sqrt()
            case "v":
                clean = level.sqrt() * noisy - (1 - level).sqrt() * predicted
            case other:
                raise ValueError(f"unknown prediction {other!r}")
        return clean, (noisy - level.sqrt() * clean) / (1 - level).sqrt()

    def target(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """What the network has to predict."""
        level = self._levels(clean, timestep)
        match self.spec.prediction:
            case "x0":
                return clean
            case "epsilon":
                return noise
            case "v":
                return level.sqrt() * noise - (1 - level).sqrt() * clean
            case other:
                raise ValueError(f"unknown prediction {other!r}")
