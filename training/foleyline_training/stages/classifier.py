"""Stage 3: the alignment classifier on noisy latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from foleyline_training.objectives.diffusion import Schedule
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.conditioned import WindowData
from foleyline_training.stages.networks import aligner_of


class ClassifierStage:
    """Binary cross-entropy on true, shifted and wrong pairs at every noise level."""

    name = "classifier"

    def __init__(self, data: WindowData) -> None:
        self.data, self.config = data, data.config
        self.network = aligner_of(data.config)
        self.schedule = Schedule(data.config.schedule)

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        batch = self.config.stages[self.name].batch
        heard, seen, labels = self.data.draw_pairs(rng, batch)
        shape = self.data.latent_shape(batch)
        clean = self.data.latents(share.of(heard), share.normal(rng, shape))
        timestep = share.of(self.schedule.draw_timesteps(rng, batch))
        noisy = self.schedule.add_noise(clean, share.normal(rng, shape), timestep)
        features = share.put(self.data.feature_windows(share.of(seen)))
        with share.mixed():
            logits = self.network(noisy, share.put(timestep), features)
        logits, labels = logits.float(), share.of(labels)
        label = share.put(labels == 0)
        loss = F.binary_cross_entropy_with_logits(logits, label)
        right = ((logits > 0).float() == label).cpu().numpy()
        early = timestep.numpy() < self.config.schedule.steps // 2
        rows = {"accuracy_low_noise": early, "accuracy_shifted": labels == 1}
        return loss, {
            "accuracy": float(right.mean()),
            # A share may hold no row of a kind; a mean of nothing is no figure.
            **{name: float(right[chosen].mean()) for name, chosen in rows.items() if chosen.any()},
        }

    def extra_state(self) -> dict[str, Any]:
        return {}
