"""One ONNX graph with named tensors, on whichever device it starts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foleyline_contract.errors import BundleDamaged, FoleyError, ServerError, SettingInvalid
from foleyline_server.runtime.device_graph import CAPTURE_OPTION, Card, DeviceGraph
from foleyline_server.runtime.external_data import require_listed
from foleyline_server.runtime.library import (
    LIBRARY,
    LIBRARY_ERRORS,
    is_out_of_memory,
    open_session,
    translated,
)
from foleyline_server.runtime.library_protocol import (
    Floats,
    Library,
    Node,
    Session,
    SessionOptions,
)
from foleyline_server.runtime.providers import CPU, CUDA_FAMILY, DIRECTML

Tuning = Mapping[str, Mapping[str, str]]
"""Provider to its options."""
_log = logging.getLogger(__name__)
_LOG_ERRORS_ONLY = 3
_FLOAT = "tensor(float)"


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
        required: whether a graph that the first provider cannot take is an error, because that
            provider was asked for; else the CPU takes it.
        windows_per_batch: windows computed at once; 0 is what suits the provider.
    """

    providers: tuple[str, ...]
    threads: int = 0
    required: bool = False
    windows_per_batch: int = 0


class GraphSession:
    """A loaded graph: ``session(name=array, ...)`` gives a mapping of named arrays.

    Args:
        path: the ONNX file.
        options: for all graphs.
        tuning: for this graph, by provider.
        listed: files beside it that it may take weights from.
        library: ONNX Runtime, or what stands for it.

    Raises:
        BundleDamaged: the file is no graph that can be run, or asks for files not ``listed``.
        OutOfMemory: the device cannot hold it.
        SettingInvalid: the device that was asked for cannot run it.
    """

    def __init__(
        self,
        path: Path,
        options: RuntimeOptions,
        tuning: Tuning | None = None,
        listed: Collection[str] = (),
        library: Library = LIBRARY,
    ) -> None:
        self.name = path.stem
        require_listed(path, listed)
        self._session, captures = _open(path, options, tuning or {}, library)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self.inputs = _infos(self._session.get_inputs())
        self.outputs = _infos(self._session.get_outputs())
        self._output_names = list(self.outputs)
        self._compute: Callable[[dict[str, Floats]], Mapping[str, Floats]] = self._plain
        if self.providers[0] in CUDA_FAMILY:
            card = Card(library, self._session, self._output_names, "cuda", captures)
            self._compute = DeviceGraph(card, LIBRARY_ERRORS, is_out_of_memory)

    def __call__(self, **inputs: Floats) -> Mapping[str, Floats]:
        """Run the graph.

        Raises:
            OutOfMemory: the device cannot hold it.
            ServerError: the library refused.
        """
        feed = {name: np.ascontiguousarray(value, np.float32) for name, value in inputs.items()}
        try:
            return self._compute(feed)
        except LIBRARY_ERRORS as error:
            fault = ServerError(f"The graph {self.name!r} could not be run.", detail=str(error))
            raise translated(error, fault) from error

    def _plain(self, feed: dict[str, Floats]) -> Mapping[str, Floats]:
        outputs = self._session.run(self._output_names, feed)
        return dict(zip(self._output_names, outputs, strict=True))


def _open(
    path: Path, options: RuntimeOptions, tuning: Tuning, library: Library
) -> tuple[Session, bool]:
    """A session, and whether it captures CUDA graphs; on the CPU if it must and may be."""
    first = options.providers[0]
    fault = ""
    for attempt in _attempts(tuning):
        providers = [(name, attempt.get(name, {})) for name in options.providers]
        try:
            session = open_session(path, _settings(options, first, library), providers, library)
        except LIBRARY_ERRORS as error:
            if first == CPU or is_out_of_memory(error):
                raise translated(error, _damaged(path, error)) from error
            fault = str(error)
            _log.info("The graph %r: %s does not take it: %s", path.stem, first, error)
            continue
        if first in session.get_providers():
            return session, CAPTURE_OPTION in attempt.get(first, {})
        # The library said why on stderr, and took the next provider.
        _refuse_or_warn(path, options, "it does not start")
        return session, False
    # Only a graph that the CPU takes is the device's fault; a damaged one is nobody's device's.
    try:
        session = open_session(path, _settings(options, CPU, library), [(CPU, {})], library)
    except LIBRARY_ERRORS as error:
        raise translated(error, _damaged(path, error)) from error
    _refuse_or_warn(path, options, fault)
    return session, False


def _attempts(tuning: Tuning) -> list[Tuning]:
    """The tuning, and if it records CUDA graphs, one that does not."""
    without = {
        name: {key: value for key, value in own.items() if key != CAPTURE_OPTION}
        for name, own in tuning.items()
    }
    return [tuning] if tuning == without else [tuning, without]


def _refuse_or_warn(path: Path, options: RuntimeOptions, fault: str) -> None:
    first = options.providers[0]
    if options.required:
        raise SettingInvalid(
            f"{first} cannot run the graph {path.stem!r} of this bundle.",
            remedy="Choose another bundle or another --device; see docs/gpu.md.",
            detail=fault,
        )
    _log.warning("The graph %r runs on the CPU, because %s failed: %s", path.stem, first, fault)


def _settings(options: RuntimeOptions, provider: str, library: Library) -> SessionOptions:
    settings = library.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = _LOG_ERRORS_ONLY
    # Spinning threads would starve the router and whatever else the artist runs.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if provider != CPU:
        # A seed must give its take again.
        settings.use_deterministic_compute = True
    if provider == DIRECTML:
        # It knows no memory patterns. Operators run one by one, as it needs, unless told not to.
        settings.enable_mem_pattern = False
    return settings


def _damaged(path: Path, error: Exception) -> FoleyError:
    return BundleDamaged(f"The graph {path.name!r} cannot be loaded.", detail=str(error))


def _infos(nodes: Sequence[Node]) -> dict[str, TensorInfo]:
    return {
        str(node.name): TensorInfo(
            tuple(size if isinstance(size, int) else None for size in node.shape),
            node.type == _FLOAT,
        )
        for node in nodes
    }
