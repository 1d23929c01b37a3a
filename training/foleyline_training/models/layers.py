"""Layers shared by the mini networks: residual blocks, attention, time codes. All 1-D in time.

Tensors are ``(batch, channels, time)``. Nothing here is stateful beyond its weights.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelNorm(nn.Module):
    """Layer norm over channels at each moment, so that no moment sees another through it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class TemporalBlock(nn.Module):
    """Residual pair of convolutions with ChannelNorm; sees ``2 * dilation`` moments either side."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(channels), ChannelNorm(channels)
        self.conv1 = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.conv2 = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        nn.init.zeros_(self.conv2.weight)
        assert self.conv2.bias is not None
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(h)))


class TimestepBlock(nn.Module):
    """Residual pair of convolutions, scaled and shifted by the diffusion time's embedding."""

    def __init__(self, in_channels: int, out_channels: int, embedding_dim: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, in_channels)
        self.conv1 = nn.Conv1d(in_channels, out_channels, 3, padding=1)
        self.modulation = nn.Linear(embedding_dim, 2 * out_channels)
        self.norm2 = nn.GroupNorm(8, out_channels)
        self.conv2 = nn.Conv1d(out_channels, out_channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # pyright: ignore[reportArgumentType]
        same = in_channels == out_channels
        self.skip = nn.Identity() if same else nn.Conv1d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """``x`` (batch, in_channels, time), ``embedding`` (batch, embedding_dim)."""
        scale, shift = self.modulation(embedding).unsqueeze(-1).chunk(2, dim=1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.norm2(h) * (1 + scale) + shift
        return self.skip(x) + self.conv2(F.silu(h))


class Attention(nn.Module):
    """Multi-head attention from ``(batch, queries, dim)`` to ``(batch, keys, context_dim)``.

    Written out with matmul and softmax so that its gradient traces to plain ONNX operators.
    """

    def __init__(self, dim: int, context_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(context_dim, dim, bias=False)
        self.value = nn.Linear(context_dim, dim, bias=False)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        def split(y: Tensor) -> Tensor:  # (batch, n, dim) -> (batch, heads, n, dim / heads)
            return y.reshape(y.shape[0], y.shape[1], self.heads, -1).transpose(1, 2)

        query, key = split(self.query(x)), split(self.key(context))
        value = split(self.value(context))
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        mixed = scores.softmax(dim=-1) @ value
        return self.out(mixed.transpose(1, 2).reshape(x.shape))


class TransformerBlock(nn.Module):
    """Self-attention, cross-attention to the condition where there is one, feed-forward.

    Queries and keys carry sine codes of their media time in units of one feature, so that
    "the same moment" means the same code in sound and picture.
    """

    def __init__(self, dim: int, heads: int, context_dim: int | None = None) -> None:
        super().__init__()
        self.norm1, self.norm3 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.self_attention = Attention(dim, dim, heads)
        self.context_dim = context_dim
        if context_dim is not None:
            self.norm2 = nn.LayerNorm(dim)
            self.cross_attention = Attention(dim, context_dim, heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.SiLU(), nn.Linear(2 * dim, dim)
        )

    def ignore_context(self) -> None:
        """From now on attend to nothing but the input itself."""
        self.context_dim = None
        del self.norm2, self.cross_attention

    def forward(self, x: Tensor, stride: int, context: Tensor | None = None) -> Tensor:
        """``x`` (batch, dim, time); one of its moments spans ``stride`` features."""
        h = x.transpose(1, 2)
        code = time_code(h.shape[1], h.shape[2], stride).to(h)
        attended = self.norm1(h) + code
        h = h + self.self_attention(attended, attended)
        if context is not None and self.context_dim is not None:
            keys = context + time_code(context.shape[1], self.context_dim, 1).to(h)
            h = h + self.cross_attention(self.norm2(h) + code, keys)
        h = h + self.feed_forward(self.norm3(h))
        return h.transpose(1, 2)


def time_code(length: int, dim: int, stride: int) -> Tensor:
    """Sine codes ``(length, dim)`` of the moments ``(i + 1/2) * stride``, in features."""
    moments = (torch.arange(length) + 0.5) * stride
    frequencies = torch.exp(-math.log(256.0) * torch.arange(dim // 2) / (dim // 2))
    angles = moments[:, None] * frequencies[None] * (math.pi / 2)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class TimestepEmbedding(nn.Module):
    """Diffusion time ``(batch,)`` in [0, 1000), fractional allowed, to ``(batch, dim)``.

    Source: sinusoidal embedding as in latent-diffusion, ldm/modules/diffusionmodules/util.py.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim), nn.SiLU())

    def forward(self, timestep: Tensor) -> Tensor:
        half = self.dim // 2
        frequencies = torch.exp(-math.log(10_000.0) * torch.arange(half).to(timestep) / half)
        angles = timestep[:, None] * frequencies[None]
        return self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1))
