"""Stage 3: the alignment classifier on noisy latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from foleyline_training.data.crops import Crop, Merged, draw_crop, shifted
from foleyline_training.objectives.diffusion import Schedule
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.conditioned import ConditionedData
from foleyline_training.stages.networks import make_aligner

TRUE_RATE, SHIFTED_RATE = 0.5, 0.25
"""Half true pairs, a quarter shifted in time, a quarter of another scene (Diff-Foley, 2.3)."""
LEAST_SHIFT_S = 0.15
"""A smaller shift is no error an editor would hear, and no fair negative."""


class ClassifierStage:
    """Binary cross-entropy on true, shifted and wrong pairs at every noise level."""

    name = "classifier"

    def __init__(self, data: ConditionedData) -> None:
        self.data, self.config = data, data.config
        self.network = make_aligner(data.config)
        self.schedule = Schedule(data.config.schedule)
        self.least_shift = round(LEAST_SHIFT_S * data.config.picture.fps)

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        batch = self.config.stages[self.name].batch
        heard, seen, labels = self._pairs(rng, batch)
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

    def _pairs(
        self, rng: np.random.Generator, batch: int
    ) -> tuple[list[Merged], list[Merged], np.ndarray]:
        """Sound windows, picture windows, and kinds: 0 true, 1 shifted, 2 wrong."""
        corpus, count = self.data.corpus, self.config.features.per_window
        kinds = rng.choice(3, size=batch, p=[TRUE_RATE, SHIFTED_RATE, 1 - TRUE_RATE - SHIFTED_RATE])
        heard: list[Merged] = []
        seen: list[Merged] = []
        for kind in kinds:
            crop = draw_crop(rng, corpus.scenes, corpus.duration, count)
            other: Crop = crop
            if kind == 1:
                other = shifted(rng, crop, corpus.duration, self.least_shift)
            elif kind == 2:
                other = draw_crop(rng, corpus.scenes - 1, corpus.duration, count)
                if other.scene >= crop.scene:  # any scene but this one
                    other = replace(other, scene=other.scene + 1)
            heard.append((crop,))
            seen.append((other,))
        return heard, seen, kinds

    def extra_state(self) -> dict[str, Any]:
        return {}
