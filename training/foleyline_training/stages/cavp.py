"""Stage 1: contrastive audio-visual pre-training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from foleyline_training.config import Config
from foleyline_training.data.corpus_files import CorpusFiles, as_pictures
from foleyline_training.data.crops import draw_crop
from foleyline_training.models.cavp import pooled
from foleyline_training.objectives.contrastive import semantic_contrast, temporal_contrast
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.networks import make_cavp

CLIPS_PER_WINDOW = 8
"""A window is cut into this many clips for both contrasts (the paper draws N_T clips)."""
CONTACT_WEIGHT = 20.0
"""Contacts are rare among pictures; this is how much one counts against its absence."""
LOG_SCALE_MAX = float(np.log(100.0))


class CavpStage:
    """L_S + L_T (equations 1 and 2, lambda = 1) and the contact head on both encoders."""

    name = "cavp"

    def __init__(self, config: Config, corpus: CorpusFiles) -> None:
        self.config, self.corpus = config, corpus
        self.network = make_cavp(config, len(corpus.materials))
        self.mels = corpus.mels()

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        pictures, mel, seen = self._batch(rng, share)
        with torch.no_grad():
            self.network.log_scale.clamp_(0, LOG_SCALE_MAX)
        with share.mixed():
            video, audio = self.network(pictures, mel)
        video, audio = video.float(), audio.float()
        scale = self.network.log_scale.exp()
        clips_v, clips_a = pooled(video, CLIPS_PER_WINDOW), pooled(audio, CLIPS_PER_WINDOW)
        semantic = semantic_contrast(clips_v, clips_a, scale)
        temporal = temporal_contrast(clips_v, clips_a, scale)
        contact_v, contact_a = (self._contact_loss(features, seen) for features in (video, audio))
        total = semantic + temporal + contact_v + contact_a
        return total, {
            "semantic": semantic.item(),
            "temporal": temporal.item(),
            "contact_video": contact_v.item(),
            "contact_audio": contact_a.item(),
        }

    def _contact_loss(self, features: Tensor, seen: Tensor) -> Tensor:
        logits = self.network.contact_head(features)
        weight = torch.tensor(CONTACT_WEIGHT, device=seen.device)
        return 10 * F.binary_cross_entropy_with_logits(logits, seen, pos_weight=weight)

    def _batch(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Tensor, Tensor]:
        corpus, count = self.corpus, self.config.features.per_window
        crops = [
            draw_crop(rng, corpus.scenes, corpus.duration, count)
            for _ in range(self.config.stages[self.name].batch)
        ]
        mirrored = rng.random() < 0.5
        light = share.of(rng.uniform(0.75, 1.3, size=(len(crops), 1, 1, 1, 1)))
        crops = share.of(crops)
        pictures = np.stack([crop.cut(corpus.pictures) for crop in crops])
        if mirrored:
            pictures = pictures[..., ::-1, :]  # the sound stays: the models are mono
        mel = np.stack([crop.cut(self.mels, self.config.mel_per_picture) for crop in crops])
        seen = np.stack([crop.cut(corpus.contacts_seen) for crop in crops])
        return (
            (share.put(as_pictures(pictures)) * share.put(light)).clamp_(0, 1),
            share.put(mel).transpose(1, 2),
            share.put(seen),
        )

    def extra_state(self) -> dict[str, Any]:
        return {"materials": list(self.corpus.materials)}
