"""Graphs in half precision: stored in it (``halve_weights``) or computed in it (``to_half``).

Storing halves a bundle's files and nothing else: the runtime folds the casts when it loads a
graph, so speed and memory are those of single precision. Computing is for graphics cards.
Weights are converted while they are written, one at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import onnx_ir as ir

SMALLEST_HALVED = 1024
"""Small tensors (norms, biases) are stored in single precision: they save nothing."""
_ALWAYS_FP32 = {("Resize", 1), ("Resize", 2)}
"""Inputs that the standard types as float32: region of interest and scales."""
_HALF_MAX = 65504.0
_WAVES = ("Sin", "Cos")
_TYPED_BY_ATTRIBUTE = ("Constant", "ConstantOfShape", "EyeLike")


def halve_weights(model: ir.Model) -> None:
    """Store large float32 initializers as float16 behind a Cast.

    Raises:
        ValueError: a weight does not fit into half precision.
    """
    graph = model.graph
    for weight in [*graph.initializers.values()]:
        if weight.dtype == ir.DataType.FLOAT and _size(weight) >= SMALLEST_HALVED:
            half = _half_weight(graph, weight)
            ir.convenience.replace_all_uses_with(weight, _cast(graph, half, ir.DataType.FLOAT))
            del graph.initializers[str(weight.name)]
    graph.sort()


def to_half(model: ir.Model, keep: Collection[str] = (), *, round_phases: bool = False) -> None:
    """Let ``model`` compute in float16; its inputs and outputs stay float32.

    Args:
        keep: kinds of nodes that go on computing in float32.
        round_phases: also what sines are taken of, which costs much; there to be measured.

    Raises:
        ValueError: a weight does not fit into half precision, or a value's type is not known.
    """
    graph = model.graph
    _require_types(graph)
    nodes = [*graph]
    single = {node for node in nodes if node.op_type in (*keep, *_TYPED_BY_ATTRIBUTE)}
    if not round_phases:
        single |= _before_waves(nodes)
    casts: dict[ir.Value, ir.Value] = {}
    for node in nodes:
        for index, value in enumerate(node.inputs):
            if value is None or value.dtype != ir.DataType.FLOAT:
                continue
            wants_half = node not in single and (node.op_type, index) not in _ALWAYS_FP32
            is_half = value.producer() is not None and value.producer() not in single
            if wants_half != is_half:
                node.replace_input_with(index, _recast(graph, value, wants_half, casts))
    _keep_outputs(graph, single)
    for node in nodes:
        if node not in single:
            _retype(node)
    for name in [name for name, weight in graph.initializers.items() if not weight.uses()]:
        del graph.initializers[name]
    graph.sort()


def _before_waves(nodes: Sequence[ir.Node]) -> set[ir.Node]:
    """Sines, cosines and all they are computed from.

    Half precision knows no 959.04, only 959.0 and 959.5, and a phase forgives less.
    """
    found: set[ir.Node] = set()
    coming = [node for node in nodes if node.op_type in _WAVES]
    while coming:
        node = coming.pop()
        if node not in found:
            found.add(node)
            coming += [p for v in node.inputs if v is not None and (p := v.producer()) is not None]
    return found


def _require_types(graph: ir.Graph) -> None:
    for node in graph:
        for value in node.outputs:
            if value.dtype is None:
                raise ValueError(f"the type of {value.name} is not known")


def _recast(
    graph: ir.Graph, value: ir.Value, to_half: bool, casts: dict[ir.Value, ir.Value]
) -> ir.Value:
    """``value`` in the other precision, made once."""
    if value not in casts:
        if value.is_initializer():
            casts[value] = _half_weight(graph, value)
        else:
            casts[value] = _cast(graph, value, _precision(to_half))
    return casts[value]


def _keep_outputs(graph: ir.Graph, single: set[ir.Node]) -> None:
    """Cast what became half back to single, under the output's own name."""
    for index, output in enumerate(graph.outputs):
        producer = output.producer()
        if output.dtype == ir.DataType.FLOAT and producer is not None and producer not in single:
            name = output.name
            output.name = f"{name}.half"
            cast = _cast(graph, output, ir.DataType.FLOAT)
            cast.name = name
            cast.shape = output.shape
            graph.outputs[index] = cast


def _retype(node: ir.Node) -> None:
    """Outputs, and the type a Cast names, from single to half."""
    for value in node.outputs:
        if value.dtype == ir.DataType.FLOAT:
            value.dtype = ir.DataType.FLOAT16
    to = node.attributes.get("to")
    if node.op_type == "Cast" and to is not None and to.as_int() == ir.DataType.FLOAT:
        node.attributes["to"] = ir.AttrInt64("to", int(ir.DataType.FLOAT16))


def _half_weight(graph: ir.Graph, weight: ir.Value) -> ir.Value:
    """A new initializer with the same numbers in half precision."""
    tensor = weight.const_value
    if tensor is None:
        raise ValueError(f"{weight.name} has no value")
    if float(np.abs(tensor.numpy()).max(initial=0.0)) > _HALF_MAX:
        raise ValueError(f"{weight.name} holds values beyond half precision")
    name = f"{weight.name}.half"
    half = ir.Value(
        name=name,
        shape=weight.shape,
        type=ir.TensorType(ir.DataType.FLOAT16),
        const_value=ir.LazyTensor(
            lambda: ir.tensor(tensor.numpy().astype(np.float16), name=name),
            dtype=ir.DataType.FLOAT16,
            shape=ir.Shape(tensor.shape.numpy()),
            name=name,
        ),
    )
    graph.register_initializer(half)
    return half


def _cast(graph: ir.Graph, value: ir.Value, to: ir.DataType) -> ir.Value:
    node = ir.node("Cast", [value], {"to": int(to)})
    cast = node.outputs[0]
    cast.name = f"{value.name}.{to.name.lower()}"
    cast.dtype = to
    cast.shape = value.shape
    node.name = f"cast_{cast.name}"
    graph.append(node)
    return cast


def _precision(half: bool) -> ir.DataType:
    return ir.DataType.FLOAT16 if half else ir.DataType.FLOAT


def _size(value: ir.Value) -> int:
    return value.const_value.size if value.const_value is not None else 0
