"""Differences of pictures in the place of a video encoder, for ablation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PictureDifferences(nn.Module):
    """How much each cell of the picture changed, and how bright it is; nothing is learned.

    Args:
        feature_dim: cells are as many as fit twice, in a square; what is left over is zeros.
    """

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.feature_dim, self.side = feature_dim, int((feature_dim // 2) ** 0.5)

    def forward(self, pictures: Tensor) -> Tensor:
        """``pictures`` (batch, frames, 3, size, size) to (batch, frames, feature_dim)."""
        grey = pictures.mean(2)
        change = (grey - torch.cat([grey[:, :1], grey[:, :-1]], dim=1)).abs()
        cells = torch.cat(
            [F.adaptive_avg_pool2d(x, self.side).flatten(2) for x in (4 * change, grey - 0.5)], 2
        )
        padded = F.pad(cells, (0, self.feature_dim - cells.shape[2]))
        return F.layer_norm(padded, (self.feature_dim,))
