"""A graph on a graphics card: its tensors stay there, and its steps are replayed.

For every set of input shapes there is one set of tensors on the card. Callers' arrays are
copied into them, and only those that changed since the last run: a window's condition travels
once per job, not once per step. A graph whose session captures CUDA graphs is recorded for the
first few shapes, then replayed; the first replay is compared with a plain run, because a
library that replays stale tensors does not say so. What the card or the library refuses is run
plainly instead. The library comes as an argument, so nothing here needs it.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from foleyline_server.runtime.library_protocol import (
    Floats,
    Library,
    RunOptions,
    Session,
    Tensor,
)

Key = tuple[tuple[str, tuple[int, ...]], ...]
"""Input names and shapes, in the callers' order."""
CAPTURE_OPTION = "enable_cuda_graph"
"""The CUDA provider's option that lets a session record its runs."""
_log = logging.getLogger(__name__)
_SHAPES_MAX, _CAPTURES_MAX = 8, 4
"""Sets of tensors kept on the card. A captured one stays: its addresses are recorded."""
_COMPARED_BYTES_MAX = 1 << 22
"""Up to this size comparing an input with the last one costs less than copying it again."""
_CAPTURE_RUN, _COMPARED_RUN = 2, 3
"""The first run finds the outputs' shapes, the second is recorded, the third is a replay."""
_REPLAY_ERROR_MAX = 1e-3
"""Relative L2 between a replay and a plain run; both compute the same kernels."""
_GRAPH_ID, _NO_GRAPH = "gpu_graph_id", "-1"
"""Source: onnxruntime_run_options_config_keys.h; 0 is the library's own."""


@dataclass(frozen=True, slots=True)
class Card:
    """A session and where its tensors live.

    Args:
        library: ONNX Runtime, or what stands for it.
        session: of the graph.
        outputs: their names, in the session's order.
        device_type: as the library calls it: ``cuda``, or ``cpu`` to test without a card.
        captures: whether the session was made to capture CUDA graphs.
    """

    library: Library
    session: Session
    outputs: Sequence[str]
    device_type: str
    captures: bool

    def run_options(self, graph_id: str) -> RunOptions | None:
        """Options for a run that records or replays ``graph_id``; None where nothing captures."""
        if not self.captures:
            return None
        options = self.library.RunOptions()
        options.add_run_config_entry(_GRAPH_ID, graph_id)
        return options


class DeviceGraph:
    """Runs a graph on a card: named arrays in, a mapping of named arrays out.

    Args:
        card: the session.
        errors: what the library raises.
        is_final: errors that a plain run would not cure, such as a full card.
    """

    def __init__(
        self,
        card: Card,
        errors: tuple[type[Exception], ...],
        is_final: Callable[[Exception], bool],
    ) -> None:
        self._card = card
        self._errors = errors
        self._is_final = is_final
        self._bound: OrderedDict[Key, _BoundShape] = OrderedDict()
        self._captured = 0
        self._captures = card.captures
        self._binds = True

    def __call__(self, feed: Mapping[str, Floats]) -> dict[str, Floats]:
        """Run the graph.

        Raises:
            Exception: one of ``errors``, if the graph cannot be run plainly either.
        """
        if not self._binds:
            return self._plain(feed)
        key = tuple((name, value.shape) for name, value in feed.items())
        try:
            return self._run(self._shape_for(key, feed), feed)
        except self._errors as error:
            if key in self._bound and self._bound[key].is_captured:
                _log.warning("CUDA graphs are not used: %s", error)
                self._stop_capturing()
                return self(feed)
            if self._is_final(error):
                raise
            # If the inputs are at fault, this raises too, and binding is not given up.
            outputs = self._plain(feed)
            _log.warning("Tensors are not kept on the device: %s", error)
            self._binds = False
            self._bound.clear()
            return outputs

    def _run(self, bound: _BoundShape, feed: Mapping[str, Floats]) -> dict[str, Floats]:
        may_capture = self._captures and bound.runs + 1 == _CAPTURE_RUN
        if may_capture and self._captured < _CAPTURES_MAX:
            self._captured += 1
            bound.graph_id = str(self._captured)
        outputs = bound.run(feed, self._captures)
        if bound.is_captured and bound.runs == _COMPARED_RUN:
            plain = self._plain(feed)
            if not _alike(outputs, plain):
                _log.warning("Replayed CUDA graphs differ from plain runs and are not used.")
                self._stop_capturing()
                return plain
        return outputs

    def _shape_for(self, key: Key, feed: Mapping[str, Floats]) -> _BoundShape:
        if key in self._bound:
            self._bound.move_to_end(key)
            return self._bound[key]
        loose = [old for old, bound in self._bound.items() if not bound.is_captured]
        if len(self._bound) >= _SHAPES_MAX and loose:
            del self._bound[loose[0]]
        self._bound[key] = _BoundShape(self._card, feed)
        return self._bound[key]

    def _stop_capturing(self) -> None:
        self._captures = False
        self._bound.clear()

    def _plain(self, feed: Mapping[str, Floats]) -> dict[str, Floats]:
        names = list(self._card.outputs)
        values = self._card.session.run(names, dict(feed), self._card.run_options(_NO_GRAPH))
        return dict(zip(names, values, strict=True))


class _BoundShape:
    """The tensors of one set of input shapes."""

    def __init__(self, card: Card, feed: Mapping[str, Floats]) -> None:
        self._card = card
        self._binding = card.session.io_binding()
        self._inputs: dict[str, Tensor] = {}
        self._last: dict[str, Floats] = {}
        self._outputs: list[Tensor] = []
        self.graph_id = _NO_GRAPH
        self.runs = 0
        for name, value in feed.items():
            # From its shape, not from the array: on the CPU that would be the caller's own memory.
            tensor = card.library.OrtValue.ortvalue_from_shape_and_type(
                list(value.shape), np.float32, card.device_type, 0
            )
            self._binding.bind_ortvalue_input(name, tensor)
            self._inputs[name] = tensor
        for name in card.outputs:
            self._binding.bind_output(name, card.device_type, 0)

    @property
    def is_captured(self) -> bool:
        return self.graph_id != _NO_GRAPH

    def run(self, feed: Mapping[str, Floats], captures: bool) -> dict[str, Floats]:
        for name, value in feed.items():
            self._write(name, value)
        options = self._card.run_options(self.graph_id if captures else _NO_GRAPH)
        self._card.session.run_with_iobinding(self._binding, options)
        self.runs += 1
        if not self._outputs:
            # The library has just made them; from now on it writes into these.
            self._outputs = list(self._binding.get_outputs())
            for name, tensor in zip(self._card.outputs, self._outputs, strict=True):
                self._binding.bind_ortvalue_output(name, tensor)
        # A copy: on the CPU numpy() is the tensor's own memory, which the next run overwrites.
        return {
            name: np.array(tensor.numpy(), np.float32)
            for name, tensor in zip(self._card.outputs, self._outputs, strict=True)
        }

    def _write(self, name: str, value: Floats) -> None:
        last = self._last.get(name)
        # Bits, not values: 0.0 and -0.0 are equal, but not the same input.
        if last is not None and np.array_equal(last.view(np.int32), value.view(np.int32)):
            return
        self._inputs[name].update_inplace(value)
        if value.nbytes <= _COMPARED_BYTES_MAX:
            self._last[name] = value.copy()


def _alike(outputs: Mapping[str, Floats], plain: Mapping[str, Floats]) -> bool:
    for name, expected in plain.items():
        difference = np.linalg.norm(outputs[name] - expected)
        # Written so that a NaN counts as a difference.
        if not difference <= _REPLAY_ERROR_MAX * np.linalg.norm(expected):
            return False
    return True
