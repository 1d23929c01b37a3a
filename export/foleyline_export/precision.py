"""Weights stored in half precision, computed with in single.

Halves a bundle's files. The runtime folds the casts when it loads a graph, so speed and
memory are those of single precision.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SMALLEST_HALVED = 1024
"""Small tensors (norms, biases) stay in single precision: they save nothing."""


def halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 initializers as float16 behind a Cast; changes ``model`` in place.

    Raises:
        ValueError: a weight does not fit into half precision.
    """
    casts: list[onnx.NodeProto] = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < SMALLEST_HALVED:
            continue
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.isfinite(half).all():
            raise ValueError(f"{weight.name} holds values beyond half precision")
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
