"""log p and its gradient as one plain graph, for a runtime that has no autograd.

The forward and the backward pass are traced together into primitive operators. Backward
operators that ONNX does not know get the decompositions below, written by hand for inputs
only: the weights are constants, so their gradients are never asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._decomp import get_decompositions
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

aten = torch.ops.aten


class _LogSigmoid(torch.autograd.Function):
    """log sigmoid with a derivative that is a sigmoid, not a special operator."""

    @staticmethod
    def forward(ctx: Any, logit: Tensor) -> Tensor:  # noqa: ANN401 - torch's own type
        ctx.save_for_backward(logit)
        return -F.softplus(-logit)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401 - torch's own type
        (logit,) = ctx.saved_tensors
        return gradients[0] * torch.sigmoid(-logit)


def log_prob_with_gradient(classifier: nn.Module) -> Callable[..., tuple[Tensor, Tensor]]:
    """``(latent, *rest) -> (log p (batch,), d log p / d latent)`` of a network of logits."""

    def function(latent: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
        latent = latent.detach().requires_grad_(True)
        with torch.enable_grad():
            log_prob = _LogSigmoid.apply(classifier(latent, *rest))
            # Rows do not see each other, so the gradient of the sum is the rows' gradients.
            (gradient,) = torch.autograd.grad(log_prob.sum(), latent)
        return log_prob.detach(), gradient

    return function


def trace_gradient(classifier: nn.Module, samples: tuple[Tensor, ...]) -> GraphModule:
    """The function above as a module without autograd; the batch stays dynamic."""
    classifier.requires_grad_(False)
    module = make_fx(
        log_prob_with_gradient(classifier),
        decomposition_table=_DECOMPOSITIONS,
        tracing_mode="symbolic",
        _allow_non_fake_inputs=True,
    )(*samples)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def _convolution_backward(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    bias_sizes: object,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
    output_mask: list[bool],
) -> tuple[Tensor, None, None]:
    """The input's gradient is the transposed convolution."""
    if transposed or output_mask[1] or output_mask[2]:
        raise NotImplementedError("only the input's gradient of a plain convolution is written")
    rest = [
        x.shape[2 + i]
        - (
            (gradient.shape[2 + i] - 1) * stride[i]
            - 2 * padding[i]
            + dilation[i] * (weight.shape[2 + i] - 1)
            + 1
        )
        for i in range(x.dim() - 2)
    ]
    back = aten.convolution(gradient, weight, None, stride, padding, dilation, True, rest, groups)
    return back, None, None


def _group_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    n: int,
    channels: int,
    inner: int,
    groups: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    grouped = x.reshape(n, groups, -1)
    centred = grouped - grouped.mean(-1, keepdim=True)
    inverse = torch.rsqrt((centred * centred).mean(-1, keepdim=True) + eps)
    per_channel = [1, channels] + [1] * (x.dim() - 2)
    y = (centred * inverse).reshape(x.shape) * weight.reshape(per_channel)
    mean = grouped.mean(-1)
    return y + bias.reshape(per_channel), mean, inverse.reshape(n, groups)


def _group_norm_backward(
    gradient: Tensor,
    x: Tensor,
    mean: Tensor,
    inverse: Tensor,
    weight: Tensor,
    n: int,
    channels: int,
    inner: int,
    groups: int,
    output_mask: list[bool],
) -> tuple[Tensor, None, None]:
    per_channel = [1, channels] + [1] * (x.dim() - 2)
    scale = inverse.reshape(n, groups, 1)
    g = (gradient * weight.reshape(per_channel)).reshape(n, groups, -1)
    unit = (x.reshape(n, groups, -1) - mean.reshape(n, groups, 1)) * scale
    back = (g - g.mean(-1, keepdim=True) - unit * (g * unit).mean(-1, keepdim=True)) * scale
    return back.reshape(x.shape), None, None


def _layer_norm(
    x: Tensor, shape: list[int], weight: Tensor, bias: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    centred = x - x.mean(-1, keepdim=True)
    inverse = torch.rsqrt((centred * centred).mean(-1, keepdim=True) + eps)
    return centred * inverse * weight + bias, x.mean(-1, keepdim=True), inverse


def _layer_norm_backward(
    gradient: Tensor,
    x: Tensor,
    shape: list[int],
    mean: Tensor,
    inverse: Tensor,
    weight: Tensor,
    bias: Tensor,
    output_mask: list[bool],
) -> tuple[Tensor, None, None]:
    g, unit = gradient * weight, (x - mean) * inverse
    back = (g - g.mean(-1, keepdim=True) - unit * (g * unit).mean(-1, keepdim=True)) * inverse
    return back, None, None


def _softmax_backward(gradient: Tensor, y: Tensor, dim: int, dtype: torch.dtype) -> Tensor:
    product = gradient * y
    return product - y * product.sum(dim, keepdim=True)


_DECOMPOSITIONS: Mapping[Any, Callable[..., Any]] = {
    **get_decompositions(
        [aten.gelu_backward, aten.silu_backward, aten.sigmoid_backward, aten.threshold_backward]
    ),
    aten.convolution_backward.default: _convolution_backward,
    aten.native_group_norm.default: _group_norm,
    aten.native_group_norm_backward.default: _group_norm_backward,
    aten.native_layer_norm.default: _layer_norm,
    aten.native_layer_norm_backward.default: _layer_norm_backward,
    aten._softmax_backward_data.default: _softmax_backward,
}
