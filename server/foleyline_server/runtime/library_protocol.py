"""What we use of ONNX Runtime: the shape of the seam that tests put a fake behind.

Source: onnxruntime.ai/docs/api/python/api_summary.html, 1.20 and later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.float32]


class RunOptions(Protocol):
    def add_run_config_entry(self, key: str, value: str) -> None: ...


class SessionOptions(Protocol):
    intra_op_num_threads: int
    inter_op_num_threads: int
    log_severity_level: int
    use_deterministic_compute: bool
    enable_mem_pattern: bool

    def add_session_config_entry(self, key: str, value: str) -> None: ...


class Tensor(Protocol):
    """An OrtValue: a tensor on some device."""

    def update_inplace(self, value: Floats) -> None: ...

    def numpy(self) -> Floats:
        """A copy, or on the CPU the tensor's own memory."""
        ...


class TensorMaker(Protocol):
    """The class OrtValue."""

    def ortvalue_from_shape_and_type(
        self, shape: Sequence[int], element_type: DTypeLike, device_type: str, device_id: int
    ) -> Tensor: ...


class Binding(Protocol):
    def bind_ortvalue_input(self, name: str, ortvalue: Tensor) -> None: ...

    def bind_ortvalue_output(self, name: str, ortvalue: Tensor) -> None: ...

    def bind_output(self, name: str, device_type: str, device_id: int) -> None: ...

    def get_outputs(self) -> Sequence[Tensor]: ...


class Node(Protocol):
    """A graph's input or output; a dynamic dimension is a name or None."""

    name: str
    type: str
    shape: Sequence[int | str | None]


class Session(Protocol):
    def get_providers(self) -> Sequence[str]: ...

    def get_inputs(self) -> Sequence[Node]: ...

    def get_outputs(self) -> Sequence[Node]: ...

    def disable_fallback(self) -> None: ...

    def io_binding(self) -> Binding: ...

    def run(
        self, output_names: Sequence[str], input_feed: Mapping[str, Floats],
        run_options: RunOptions | None = None,
    ) -> Sequence[Floats]: ...  # fmt: skip

    def run_with_iobinding(self, iobinding: Binding, run_options: RunOptions | None) -> None: ...


class Library(Protocol):
    @property
    def OrtValue(self) -> TensorMaker: ...

    def RunOptions(self) -> RunOptions: ...

    def SessionOptions(self) -> SessionOptions: ...

    def InferenceSession(
        self,
        path_or_bytes: str | bytes,
        sess_options: SessionOptions,
        providers: Sequence[tuple[str, dict[str, str]]],
        *,
        enable_fallback: int,
    ) -> Session: ...
