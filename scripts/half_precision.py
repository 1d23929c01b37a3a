"""What has to stay in float32 in a float16 graph, measured on the UNet.

    python scripts/half_precision.py

Reduced size, weights from a rule (docs/parity.md), on a processor: it rounds every value to
float16 between operators. Prints the relative L2 difference from the float32 graph.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx_ir as ir
import torch

from foleyline_export.graph_file import save_graph
from foleyline_export.graphs.diff_foley import graph_spec
from foleyline_export.precision import to_half
from foleyline_export.reference.checks import REDUCED
from foleyline_export.reference.rule import rule_networks
from foleyline_export.trace import to_onnx
from foleyline_export.verify import measure
from foleyline_server.runtime.session import GraphSession, RuntimeOptions

CPU = RuntimeOptions(("CPUExecutionProvider",))
NORMS = ("InstanceNormalization", "LayerNormalization")
KEPT: dict[str, tuple[str, ...]] = {
    "phases in float32": (),
    "and norms": NORMS,
    "and norms, softmax, activations": (*NORMS, "Softmax", "Sigmoid", "Erf"),
    "and convolutions": ("Conv",),
    "and matrix products": ("MatMul", "Gemm"),
}
STEPS = ((999.0, 959.04, 919.08, 879.12), (319.68, 199.8, 79.92, 39.96))
"""Of the 25 that the default sampler asks for, early ones and late ones."""


def main() -> int:
    """Print one line for each way."""
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    torch.manual_seed(1)
    spec = graph_spec("unet", rule_networks(REDUCED).build("unet"))
    inputs = {name: value.numpy() for name, value in spec.samples(len(STEPS[0])).items()}
    with tempfile.TemporaryDirectory() as folder:
        single, half = Path(folder) / "unet.onnx", Path(folder) / "half.onnx"
        save_graph(to_onnx(spec), single)

        def differences(path: Path) -> str:
            sessions = GraphSession(single, CPU), GraphSession(path, CPU)
            found: list[float] = []
            for steps in STEPS:
                feed = {**inputs, "timestep": np.array(steps, np.float32)}
                wanted, got = (session(**feed)["prediction"] for session in sessions)
                found.append(measure(wanted, got).relative_l2)
            return "  ".join(f"{value:.1e}" for value in found)

        for label, kept in {"nothing in float32": (), **KEPT}.items():
            model = ir.load(single)
            to_half(model, kept, round_phases=label not in KEPT)
            save_graph(model, half)
            print(f"{label:<34} {differences(half)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
