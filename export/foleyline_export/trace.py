"""Networks to ONNX."""

from __future__ import annotations

import warnings

import onnx_ir as ir
import torch
from torch.export import Dim

from foleyline_export.gradient import trace_gradient
from foleyline_export.graph_spec import GraphSpec

OPSET = 18
BATCH_TO_TRACE = 2
"""A batch of one would be taken for a constant."""


def to_onnx(spec: GraphSpec) -> ir.Model:
    """Trace ``spec.network`` with its dynamic axes; weights are shared with it, not copied."""
    samples = spec.samples(BATCH_TO_TRACE)
    arguments = tuple(samples[name] for name in spec.inputs)
    network = spec.network.eval().requires_grad_(False)
    shapes = tuple({i: _dim(axis) for i, axis in axes.items()} for axes in spec.inputs.values())
    traced = trace_gradient(network, arguments) if spec.gradient else network
    with warnings.catch_warnings():
        # torch's exporter warns about its own deprecated pytree calls.
        warnings.simplefilter("ignore")
        program = torch.export.export(
            traced,
            arguments,
            dynamic_shapes=shapes,
            strict=False,
            # Some inequalities hold for every width, but the tracer cannot see that they do.
            prefer_deferred_runtime_asserts_over_guards=True,
        )
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
    return _without_origins(exported.model)


def _dim(axis: str) -> Dim:
    """``frames`` is any length, ``8*columns`` a multiple of eight, ``frames<=40`` at most 40."""
    rest, _, most = axis.partition("<=")
    factor, _, name = rest.rpartition("*")
    if factor:
        return int(factor) * Dim(name, min=1, max=4096)
    # The tracer calls lengths of one and two special cases; only a batch may be one.
    return Dim(name, min=1 if name == "batch" else 4, max=int(most or 4096))


def _without_origins(model: ir.Model) -> ir.Model:
    """Drop what the exporter notes of its source: stack traces with this machine's paths."""
    graph = model.graph
    for part in (model, graph, *graph, *graph.inputs, *graph.initializers.values()):
        part.metadata_props.clear()
        part.doc_string = None
    for node in graph:
        for output in node.outputs:
            output.metadata_props.clear()
    return model
