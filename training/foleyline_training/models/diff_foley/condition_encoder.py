"""CAVP features into what a UNet's cross attention reads."""

from __future__ import annotations

from torch import Tensor, nn

from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes


class ConditionEncoder(nn.Module):
    """A linear layer and a learned position for each feature.

    Source: diff_foley/modules/cond_stage/video_feat_encoder.py.
    """

    def __init__(
        self, sizes: Sizes = RELEASED, condition_dim: int = MODEL.features.condition_dim
    ) -> None:
        super().__init__()
        self.embedder = nn.Sequential(nn.Linear(MODEL.features.dim, condition_dim))
        self.pos_emb = nn.Embedding(sizes.positions, condition_dim)

    def forward(self, features: Tensor) -> Tensor:
        """``features`` (batch, F, 512), F <= positions, to (batch, F, condition_dim)."""
        return self.embedder(features) + self.pos_emb.weight[: features.shape[1]]
