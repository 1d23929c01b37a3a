"""Graphs as files: small ones whole, large ones with their weights in a file beside them."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx_ir as ir

EXTERNAL_ABOVE_BYTES = 1 << 29
"""A graph file is one protobuf message, which may not reach 2 GB and is read as a whole."""
_SMALLEST_EXTERNAL_BYTES = 1024


def save_graph(model: ir.Model, path: Path) -> None:
    """Write ``model`` to ``path``; weights go one by one, so they are not held twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = (value.const_value for value in model.graph.initializers.values())
    large = sum(weight.nbytes for weight in weights if weight) > EXTERNAL_ABOVE_BYTES
    beside = weights_path(path).name if large else None
    ir.save(model, path, external_data=beside, size_threshold_bytes=_SMALLEST_EXTERNAL_BYTES)


def forget_shapes(path: Path) -> None:
    """Drop the notes on inner shapes, which only converters need."""
    model = onnx.load(path, load_external_data=False)
    del model.graph.value_info[:]
    onnx.save(model, path)


def weights_path(path: Path) -> Path:
    """Where the weights of a large graph lie."""
    return path.with_name(f"{path.name}.data")


def graph_files(path: Path) -> list[Path]:
    """The files a graph consists of."""
    beside = weights_path(path)
    return [path, beside] if beside.exists() else [path]
