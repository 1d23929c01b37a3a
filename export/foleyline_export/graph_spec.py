"""A graph as a declaration: what goes in, what comes out, and how close it has to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """One ONNX graph of a bundle.

    Attributes:
        name: file name without ``.onnx``.
        network: takes the inputs in order, returns the outputs in order.
        inputs: input name to {axis: name of the dynamic axis}; ``8*columns`` for a multiple,
            ``frames<=40`` for a limit.
        outputs: output names.
        samples: makes inputs for a batch size, by name; used to trace and to verify.
        tolerance: largest relative L2 difference between network and graph.
        gradient: the network returns log p, and the graph also its gradient by the first input.
        half_tolerance: the same as ``tolerance``, for half precision.
        stays_fp32: it computes in float32 in a half-precision bundle too; how far half precision
            is off is still measured.
    """

    name: str
    network: nn.Module
    inputs: Mapping[str, Mapping[int, str]]
    outputs: tuple[str, ...]
    samples: Callable[[int], Mapping[str, Tensor]]
    tolerance: float = 1e-4
    gradient: bool = False
    half_tolerance: float = 1e-2
    stays_fp32: bool = False
