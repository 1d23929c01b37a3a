"""One ONNX graph with named tensors; the only importer of onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime as ort  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state  # pyright: ignore

from foleyline_contract.errors import BundleDamaged, FoleyError, OutOfMemory, ServerError

Floats = NDArray[np.float32]
_LOG_ERRORS_ONLY = 3
_FLOAT = "tensor(float)"
_MEMORY_WORDS = ("failed to allocate", "out of memory", "bad_alloc", "bad allocation", "bfcarena")
_ort = cast("Any", ort)
_state = cast("Any", state)
_LIBRARY_ERRORS: tuple[type[Exception], ...] = (
    _state.EPFail,
    _state.EngineError,
    _state.Fail,
    _state.InvalidArgument,
    _state.InvalidGraph,
    _state.InvalidProtobuf,
    _state.NoModel,
    _state.NoSuchFile,
    _state.NotImplemented,
    _state.RuntimeException,
    RuntimeError,
    ValueError,
    MemoryError,
)
"""What the library raises; its own kinds share no base but Exception."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A graph's input or output: dimensions are numbers, or None where they are dynamic."""

    shape: tuple[int | None, ...]
    is_float32: bool


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How sessions are built.

    Args:
        providers: execution providers, best first.
        threads: threads inside an operator; 0 lets the library decide.
    """

    providers: tuple[str, ...]
    threads: int = 0


class GraphSession:
    """A loaded graph: ``session(name=array, ...)`` gives a mapping of named arrays.

    Raises:
        BundleDamaged: the file is no graph that can be run.
        OutOfMemory: the device cannot hold it.
    """

    def __init__(self, path: Path, options: RuntimeOptions) -> None:
        self.name = path.stem
        settings = _ort.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = _LOG_ERRORS_ONLY
        # Spinning threads would starve the router and whatever else the artist runs.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = _ort.InferenceSession(
                str(path), settings, providers=list(options.providers)
            )
        except _LIBRARY_ERRORS as error:
            fault = BundleDamaged(f"The graph {path.name!r} cannot be loaded.", detail=str(error))
            raise _translated(error, fault) from error
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self.inputs = _infos(self._session.get_inputs())
        self.outputs = _infos(self._session.get_outputs())
        self._output_names = list(self.outputs)

    def __call__(self, **inputs: Floats) -> Mapping[str, Floats]:
        """Run the graph.

        Raises:
            OutOfMemory: the device cannot hold it.
            ServerError: the library refused.
        """
        feed = {name: np.ascontiguousarray(value, np.float32) for name, value in inputs.items()}
        try:
            outputs = self._session.run(self._output_names, feed)
        except _LIBRARY_ERRORS as error:
            fault = ServerError(f"The graph {self.name!r} could not be run.", detail=str(error))
            raise _translated(error, fault) from error
        return dict(zip(self._output_names, outputs, strict=True))


def available_providers() -> tuple[str, ...]:
    """Execution providers of the installed library."""
    return tuple(_ort.get_available_providers())


def library_version() -> str:
    """The installed library's version."""
    return str(_ort.__version__)


def _infos(nodes: Sequence[Any]) -> dict[str, TensorInfo]:
    return {
        str(node.name): TensorInfo(
            tuple(size if isinstance(size, int) else None for size in node.shape),
            node.type == _FLOAT,
        )
        for node in nodes
    }


def _translated(error: Exception, otherwise: FoleyError) -> FoleyError:
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(words in text for words in _MEMORY_WORDS):
        return OutOfMemory("The device has too little memory for this job.", detail=str(error))
    return otherwise
