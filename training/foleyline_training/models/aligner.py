"""The alignment classifier of double guidance: does this noisy latent belong to these features?

Its gradient with respect to the latent steers the sampler (Diff-Foley, section 2.3).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_training.models.layers import TimestepBlock, TimestepEmbedding, TransformerBlock


class Aligner(nn.Module):
    """Logit of p(aligned | z, t, E).

    Latent and features are joined moment by moment before any pooling, so a shift in time is
    a local disagreement.
    """

    def __init__(self, latent_channels: int, feature_dim: int, width: int) -> None:
        super().__init__()
        emb = width // 2
        self.embedding = TimestepEmbedding(emb)
        self.sound = nn.Conv1d(latent_channels, width, 3, padding=1)
        self.picture = nn.Sequential(
            nn.Conv1d(feature_dim, width, 3, padding=1), nn.SiLU(), nn.Conv1d(width, width, 1)
        )
        self.fine = TimestepBlock(width, width, emb)
        # Heard beside seen, then mixed: a product would be lost in a sum.
        self.mixed = TimestepBlock(2 * width, width, emb)
        self.finer = TimestepBlock(width, width, emb)
        self.shrink = nn.Conv1d(width, width, 4, stride=2, padding=1)
        self.coarse = TimestepBlock(width, width, emb)
        self.attention = TransformerBlock(width, 4)
        self.last = TimestepBlock(width, width, emb)
        self.norm = nn.GroupNorm(8, width)
        self.logit = nn.Linear(width, 1)

    def forward(self, latent: Tensor, timestep: Tensor, features: Tensor) -> Tensor:
        """``latent`` (batch, channels, columns), ``features`` (batch, F, dim) to logits."""
        embedding = self.embedding(timestep)
        heard = self.fine(self.sound(latent), embedding)
        seen = self.picture(features.transpose(1, 2))
        x = self.mixed(torch.cat([heard * seen, heard + seen], dim=1), embedding)
        x = self.shrink(self.finer(x, embedding))
        x = self.attention(self.coarse(x, embedding), 2)
        x = F.silu(self.norm(self.last(x, embedding)))
        return self.logit(x.mean(-1)).squeeze(-1)
