"""ONNX Runtime itself: what it has, what it raises, how it starts; its only importer."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import onnxruntime as ort  # pyright: ignore[reportMissingTypeStubs]
from onnxruntime.capi import onnxruntime_pybind11_state as state  # pyright: ignore

from foleyline_contract.errors import FoleyError, OutOfMemory
from foleyline_server.runtime.device_name import cuda_device_name
from foleyline_server.runtime.library_protocol import Library, Session, SessionOptions
from foleyline_server.runtime.providers import CUDA_FAMILY

_log = logging.getLogger(__name__)
_ort = cast("Any", ort)
LIBRARY: Library = _ort
_state = cast("Any", state)
LIBRARY_ERRORS: tuple[type[Exception], ...] = (
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
_MEMORY_WORDS = (
    "failed to allocate",
    "out of memory",
    "bad_alloc",
    "bad allocation",
    "bfcarena",
    "alloc_failed",
    "8007000e",
)
"""As the arena, CUDA, cuBLAS and cuDNN, and Direct3D say it."""
SMALLEST_GRAPH = (
    b"\x08\x08"  # ir_version 8
    b"\x3a\x2f"  # graph
    b"\x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity"  # node: y = Identity(x)
    b"\x12\x01g"  # name
    b"\x5a\x0b\x0a\x01x\x12\x06\x0a\x04\x08\x01\x12\x00"  # input x, float
    b"\x62\x0b\x0a\x01y\x12\x06\x0a\x04\x08\x01\x12\x00"  # output y, float
    b"\x42\x02\x10\x12"  # opset 18
)
"""The smallest graph there is, to see whether a provider starts."""
_CUDA_FAILURE = re.compile(r"CUDA failure \d+: ([^;]+?) *;")
"""As CUDA says it through the library: ``no CUDA-capable device is detected``."""
Providers = Sequence[tuple[str, Mapping[str, str]]]


def available_providers() -> tuple[str, ...]:
    """Execution providers of the installed library."""
    return tuple(_ort.get_available_providers())


def library_version() -> str:
    """The installed library's version."""
    return str(_ort.__version__)


def device_name(provider: str, library: Library = LIBRARY) -> str:
    """What the provider's device is called, or nothing if neither library nor driver says."""
    if provider in CUDA_FAMILY:
        return cuda_device_name()
    devices: list[Any] = getattr(library, "get_ep_devices", list)()
    for item in devices:
        said = item.device.metadata.get("Description", "")
        if item.ep_name == provider and said:
            return str(said)
    return ""


def open_session(
    graph: Path | bytes, settings: SessionOptions, providers: Providers, library: Library = LIBRARY
) -> Session:
    """An InferenceSession that never swaps its providers behind our back.

    It may still have fewer than asked for: where a provider's own libraries are missing, ONNX
    Runtime writes a line to stderr and goes on without. Look at ``get_providers``.

    Raises:
        LIBRARY_ERRORS: the graph, or a provider, cannot be used.
    """
    if any(name in CUDA_FAMILY for name, _ in providers):
        _preload(library)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        session = library.InferenceSession(
            str(graph) if isinstance(graph, Path) else graph,
            settings,
            providers=[(name, dict(options)) for name, options in providers],
            enable_fallback=0,
        )
    if text := said.getvalue().strip():
        # 1.20 does not know the argument: it says here that it has swapped, and has.
        _log.info("%s", text)
    session.disable_fallback()
    return session


def provider_fault(provider: str, library: Library = LIBRARY) -> str:
    """Why a provider cannot start, as the middle of a sentence; nothing if it does."""
    try:
        session = open_session(SMALLEST_GRAPH, library.SessionOptions(), [(provider, {})], library)
    except LIBRARY_ERRORS as error:
        _log.info("%s does not start: %s", provider, error)
        return _fault(provider, library, str(error))
    return "" if provider in session.get_providers() else _fault(provider, library)


def is_out_of_memory(error: Exception) -> bool:
    """Whether the library means that a device is full; it has no kind of its own for that."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _MEMORY_WORDS)


def translated(error: Exception, otherwise: FoleyError) -> FoleyError:
    """The library's error as ours: OutOfMemory, or ``otherwise``."""
    if is_out_of_memory(error):
        return OutOfMemory("The device has too little memory for this job.", detail=str(error))
    return otherwise


def _fault(provider: str, library: Library, error: str = "") -> str:
    if provider not in CUDA_FAMILY:
        return "it does not start"
    if said := _CUDA_FAILURE.search(error):
        return f"it does not start: {said[1]}"
    cuda = getattr(library, "cuda_version", "") or ""
    made_for = f"CUDA {cuda} and cuDNN 9" if cuda else "CUDA and cuDNN"
    return f"it does not start: {made_for}, or the driver, are missing or too old"


def _preload(library: Library) -> None:
    """Load CUDA's libraries where pip put them; the system's loader does not look there.

    Source: onnxruntime.preload_dlls, since 1.21; it prints what it misses.
    """
    preload = getattr(library, "preload_dlls", None)
    if preload is None:
        return
    with contextlib.redirect_stdout(io.StringIO()) as said:
        preload()
    if text := said.getvalue().strip():
        _log.debug("%s", text)
