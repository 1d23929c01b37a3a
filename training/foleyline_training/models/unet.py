"""The denoiser: a 1-D UNet on latents, conditioned twice, and its condition encoder.

The condition enters by cross-attention, as in Diff-Foley, *and* is added in time where it
belongs, at every level. The first alone does not learn timing in small networks.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_training.models.layers import TimestepBlock, TimestepEmbedding, TransformerBlock


class ConditionEncoder(nn.Module):
    """Features (batch, F, feature_dim) to condition (batch, F, condition_dim).

    A projection and learned positions, as the official ``Video_Feat_Encoder_Posembed``, and
    our own addition: the category of sound that is asked for, at every position.

    Args:
        palette: how many categories there are to ask for; 0 for a network without them.
    """

    def __init__(
        self, feature_dim: int, condition_dim: int, per_window: int, palette: int = 0
    ) -> None:
        super().__init__()
        self.embedder = nn.Linear(feature_dim, condition_dim)
        self.positions = nn.Parameter(torch.randn(per_window, condition_dim) * 0.02)
        # No bias: zeros must mean that nothing is asked for.
        self.palette = nn.Linear(palette, condition_dim, bias=False) if palette else None

    def forward(self, features: Tensor, palette: Tensor | None = None) -> Tensor:
        """``palette`` (batch, palette): one-hot, or zeros (as None) to go by the picture alone."""
        condition = self.embedder(features) + self.positions[None]
        if self.palette is None or palette is None:
            return condition
        return condition + self.palette(palette)[:, None]


class _Level(nn.Module):
    """Two timestep blocks, the condition of that moment added before each, and attention."""

    def __init__(
        self, in_channels: tuple[int, int], width: int, emb: int, cond: int, attends: bool
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(TimestepBlock(n, width, emb) for n in in_channels)
        self.inject = nn.ModuleList(nn.Conv1d(cond, width, 1, bias=False) for _ in in_channels)
        self.attention = TransformerBlock(width, 4, cond) if attends else None

    def restrict(self, injection: str) -> None:
        """Take away one of the two ways in which the condition enters."""
        if injection == "attention":
            for inject in self.inject:
                inject.requires_grad_(False)
                nn.init.zeros_(inject.weight)  # pyright: ignore[reportArgumentType]
        elif injection == "added" and self.attention is not None:
            self.attention.ignore_context()


class UNet(nn.Module):
    """Predicts what the schedule says from a noisy latent.

    Args:
        latent_channels: channels of the latent.
        width: channels of every level.
        levels: time is halved between levels.
        condition_dim: channels of the condition.
        injection: ``both``, or only one of ``attention`` and ``added``, to be measured against.
    """

    def __init__(
        self,
        latent_channels: int,
        width: int,
        levels: int,
        condition_dim: int,
        injection: str = "both",
    ) -> None:
        super().__init__()
        emb, cond = 2 * (width // 3), condition_dim
        self.levels = levels
        self.embedding = TimestepEmbedding(emb)
        self.into = nn.Conv1d(latent_channels, width, 3, padding=1)
        one, both = (width, width), (2 * width, 2 * width)
        self.down = nn.ModuleList(_Level(one, width, emb, cond, i > 0) for i in range(levels))
        self.shrink = nn.ModuleList(
            nn.Conv1d(width, width, 4, stride=2, padding=1) for _ in range(levels - 1)
        )
        self.middle = _Level(one, width, emb, cond, True)
        self.up = nn.ModuleList(_Level(both, width, emb, cond, i > 0) for i in range(levels))
        self.grow = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(levels - 1))
        self.norm = nn.GroupNorm(8, width)
        self.out = nn.Conv1d(width, latent_channels, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # pyright: ignore[reportArgumentType]
        for level in (*self.down, self.middle, *self.up):
            assert isinstance(level, _Level)
            level.restrict(injection)

    def forward(self, latent: Tensor, timestep: Tensor, condition: Tensor) -> Tensor:
        """``latent`` (batch, channels, columns), ``timestep`` (batch,), ``condition`` (batch, F, C)

        to what the schedule predicts, in the latent's shape.
        """
        embedding = self.embedding(timestep)
        conditions = [condition.transpose(1, 2)]  # one a level: (batch, C, F / 2 ** level)
        for _ in range(self.levels - 1):
            conditions.append(F.avg_pool1d(conditions[-1], 2))
        x = self.into(latent)
        skips: list[Tensor] = []
        for level in range(self.levels):
            x = self._run(self.down[level], x, embedding, conditions, level, condition, skips)
            if level < self.levels - 1:
                x = self.shrink[level](x)
        x = self._run(self.middle, x, embedding, conditions, self.levels - 1, condition)
        for level in reversed(range(self.levels)):
            x = self._run(self.up[level], x, embedding, conditions, level, condition, skips, True)
            if level:
                x = self.grow[level - 1](F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.out(F.silu(self.norm(x)))

    def _run(
        self,
        level: nn.Module,
        x: Tensor,
        embedding: Tensor,
        conditions: list[Tensor],
        depth: int,
        condition: Tensor,
        skips: list[Tensor] | None = None,
        merge: bool = False,
    ) -> Tensor:
        assert isinstance(level, _Level)
        for block, inject in zip(level.blocks, level.inject, strict=True):
            if merge and skips is not None:
                x = torch.cat([x + inject(conditions[depth]), skips.pop()], dim=1)
            else:
                x = x + inject(conditions[depth])
            x = block(x, embedding)
            if skips is not None and not merge:
                skips.append(x)
        return x if level.attention is None else level.attention(x, 2**depth, condition)
