"""A graph against its network: names, axes, shapes, values, in this order."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from foleyline_export.gradient import log_prob_with_gradient
from foleyline_export.graph_spec import GraphSpec

BATCHES = (1, 3)
"""Neither is the batch that was traced, so a batch frozen into the graph shows."""


class VerificationError(Exception):
    """A graph is not what its network is."""


class NameMismatch(VerificationError):
    """Inputs or outputs have other names."""


class ShapeMismatch(VerificationError):
    """An axis that should vary is fixed, or an output has another shape."""


class ValueMismatch(VerificationError):
    """An output's values differ by more than the tolerance."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far an output is from the network's, the worst over the batches tried."""

    max_abs: float
    relative_l2: float
    cosine: float


def verify(spec: GraphSpec, path: Path, tolerance: float) -> dict[str, dict[str, float]]:
    """Check the graph at ``path`` and measure it.

    Returns:
        Output name to max_abs, relative_l2 and cosine.

    Raises:
        VerificationError: one of its kinds, saying which output is off by how much.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for what, names, expected in (
        ("inputs", [i.name for i in session.get_inputs()], list(spec.inputs)),
        ("outputs", [o.name for o in session.get_outputs()], list(spec.outputs)),
    ):
        if names != expected:
            raise NameMismatch(f"{spec.name}: {what} are {names}, not {expected}")
    for graph_input in session.get_inputs():
        for axis, meaning in spec.inputs[graph_input.name].items():
            if isinstance(graph_input.shape[axis], int):
                raise ShapeMismatch(
                    f"{spec.name}: {graph_input.name} has the {meaning} axis fixed at "
                    f"{graph_input.shape[axis]}"
                )
    worst: dict[str, Difference] = {}
    for batch in BATCHES:
        samples = spec.samples(batch)
        wanted = _run_network(spec, tuple(samples[name] for name in spec.inputs))
        feed = {name: samples[name].numpy() for name in spec.inputs}
        got = [np.asarray(output) for output in session.run(None, feed)]
        for name, a, b in zip(spec.outputs, wanted, got, strict=True):
            if a.shape != b.shape:
                raise ShapeMismatch(f"{spec.name}: {name} is {b.shape}, not {a.shape}")
            difference = measure(a, b)
            if not difference.relative_l2 <= tolerance:  # NaN is a difference too
                raise ValueMismatch(
                    f"{spec.name}: {name} differs by {difference.relative_l2:.2e} (relative L2), "
                    f"more than {tolerance:.0e}"
                )
            if name not in worst or difference.relative_l2 > worst[name].relative_l2:
                worst[name] = difference
    return {name: asdict(difference) for name, difference in worst.items()}


def measure(wanted: NDArray[np.float32], got: NDArray[np.float32]) -> Difference:
    """Difference of two arrays of one shape."""
    a, b = wanted.astype(np.float64).ravel(), got.astype(np.float64).ravel()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return Difference(
        max_abs=float(np.abs(a - b).max()),
        relative_l2=float(np.linalg.norm(a - b) / max(float(np.linalg.norm(a)), 1e-30)),
        cosine=float(a @ b / norms) if norms else 1.0,
    )


def _run_network(
    spec: GraphSpec, arguments: tuple[torch.Tensor, ...]
) -> tuple[NDArray[np.float32], ...]:
    network = spec.network.eval()
    if spec.gradient:
        outputs = log_prob_with_gradient(network)(*arguments)
    else:
        with torch.inference_mode():
            result = network(*arguments)
        outputs = result if isinstance(result, tuple) else (result,)
    return tuple(output.detach().numpy() for output in outputs)
