"""Networks to ONNX."""

from __future__ import annotations

import warnings

import onnx
import torch
from torch.export import Dim

from foleyline_export.gradient import trace_gradient
from foleyline_export.graph_spec import GraphSpec

OPSET = 18
BATCH_TO_TRACE = 2
"""A batch of one would be taken for a constant."""


def to_onnx(spec: GraphSpec) -> onnx.ModelProto:
    """Trace ``spec.network`` with its dynamic axes."""
    samples = spec.samples(BATCH_TO_TRACE)
    arguments = tuple(samples[name] for name in spec.inputs)
    network = spec.network.eval().requires_grad_(False)
    dims: dict[str, Dim] = {
        # The tracer calls lengths of one and two special cases; only a batch may be one.
        axis: Dim(axis, min=1 if axis == "batch" else 4, max=4096)
        for axes in spec.inputs.values()
        for axis in axes.values()
    }
    shapes = tuple({i: dims[axis] for i, axis in axes.items()} for axes in spec.inputs.values())
    traced = trace_gradient(network, arguments) if spec.gradient else network
    with warnings.catch_warnings():
        # torch's exporter warns about its own deprecated pytree calls.
        warnings.simplefilter("ignore")
        program = torch.export.export(traced, arguments, dynamic_shapes=shapes, strict=False)
        exported = torch.onnx.export(
            program,
            input_names=list(spec.inputs),
            output_names=list(spec.outputs),
            dynamo=True,
            opset_version=OPSET,
            verbose=False,
        )
    if exported is None:
        raise RuntimeError(f"{spec.name}: the exporter returned nothing")
    return _without_origins(exported.model_proto)


def _without_origins(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop what the exporter notes of its source: stack traces with this machine's paths."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]
    return model
