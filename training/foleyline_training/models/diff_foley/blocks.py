"""Replacements for parts of diffusers that do not trace to plain operators."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn


class PlainAttention:
    """Attention written out with matmul and softmax, so that its gradient traces as well.

    Fits where diffusers asks for an attention processor.
    """

    def __call__(
        self,
        attn: Any,  # noqa: ANN401 - diffusers' Attention, whose projections are used
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,
    ) -> Tensor:
        seen = hidden_states if encoder_hidden_states is None else encoder_hidden_states

        def split(x: Tensor) -> Tensor:  # (batch, n, dim) -> (batch, heads, n, dim / heads)
            return x.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        query, key = split(attn.to_q(hidden_states)), split(attn.to_k(seen))
        weights = (query @ key.transpose(-2, -1) * attn.scale).softmax(dim=-1)
        mixed = (weights @ split(attn.to_v(seen))).transpose(1, 2).flatten(2)
        return attn.to_out[0](mixed)


class Upsample(nn.Module):
    """Nearest-neighbour doubling and a convolution.

    diffusers' own asks whether the batch is 64 or more, which a dynamic batch cannot answer.
    """

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, hidden_states: Tensor, output_size: object = None) -> Tensor:
        wide = F.interpolate(hidden_states, scale_factor=2.0, mode="nearest")
        # It is already; said aloud, since with a dynamic width the tracer cannot prove it.
        return self.conv(wide.contiguous())


def replace_upsamplers(up_blocks: nn.ModuleList) -> None:
    """Put ``Upsample`` in place of diffusers' own, with the same weights under the same names."""
    for block in up_blocks:
        theirs = getattr(block, "upsamplers", None)  # None in the last block
        if theirs is not None:
            block.upsamplers = nn.ModuleList(Upsample(up.conv) for up in theirs)
