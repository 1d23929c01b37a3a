"""Where the graph calls of several jobs meet: rows of the same graph run in one call.

Every job has a thread that runs the pipeline as if it were alone. Its calls wait here for a
moment for those of the others; then one thread runs them together and hands out the rows. A call
with more rows than the device can hold is run in parts. What a row gets does not depend on the
others but for rounding (docs/architecture.md); with one window per batch nothing is merged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.errors import FoleyError, OutOfMemory, ServerError

Floats = NDArray[np.float32]
Feed = Mapping[str, Floats]
Run = Callable[..., Feed]
"""A graph: named arrays in, named arrays out."""
GATHER_S = 0.003
"""How long a call waits for others that may come; a step takes ten times as long."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class RowLimit:
    """Most rows that a graph takes in one call; halved where the device has too little memory."""

    rows: int

    def halve(self, name: str, error: OutOfMemory) -> None:
        """Take fewer from now on.

        Raises:
            OutOfMemory: it is one already.
        """
        if self.rows <= 1:
            raise error
        self.rows //= 2
        _log.warning(
            "The device has too little memory for the graph %r: %d rows at once from now on. %s",
            name, self.rows, error.detail,
        )  # fmt: skip


@dataclass(slots=True, eq=False)
class _Call:
    run: Run
    name: str
    limit: RowLimit
    feed: Feed
    began_s: float = field(default_factory=time.monotonic)
    outputs: Feed | None = None
    error: BaseException | None = None

    @property
    def rows(self) -> int:
        return len(next(iter(self.feed.values())))

    def fits(self, other: _Call) -> bool:
        """Whether both may run in one call."""
        return self.run is other.run and all(
            value.shape[1:] == other.feed[name].shape[1:] for name, value in self.feed.items()
        )


class Collector:
    """Runs graph calls one at a time; safe to use from any thread.

    Args:
        merges: whether calls that fit are merged; else each runs alone, bit for bit as ever.
    """

    def __init__(self, merges: bool) -> None:
        self._merges = merges
        self._changed = Condition()
        self._calls: list[_Call] = []
        self._members = 0
        """Threads that may call soon."""
        self._busy = False

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Around a thread's work: meanwhile others' calls wait a moment for its own."""
        self._join(1)
        try:
            yield
        finally:
            self._join(-1)

    @contextmanager
    def aside(self) -> Generator[None]:
        """Around a pause within that work."""
        self._join(-1)
        try:
            yield
        finally:
            self._join(1)

    def call(self, run: Run, name: str, limit: RowLimit, feed: Feed) -> Feed:
        """Run a graph, maybe together with others' rows; all inputs have rows as first axis.

        Raises:
            OutOfMemory: the device cannot hold a single row.
            Exception: whatever ``run`` raises.
        """
        call = _Call(run, name, limit, feed)
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()
            while call in self._calls and (self._busy or not self._is_time(call)):
                self._changed.wait(None if self._busy else GATHER_S)
            if call in self._calls:
                together = self._gathered(call)
                self._busy = True
            else:
                while call.outputs is None and call.error is None:
                    self._changed.wait()
                together = ()
        if together:
            try:
                _run_together(together)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
        if call.error is not None:
            raise call.error
        if call.outputs is None:
            raise RuntimeError("a call was given no answer")
        return call.outputs

    def _join(self, change: int) -> None:
        with self._changed:
            self._members += change
            self._changed.notify_all()

    def _is_time(self, call: _Call) -> bool:
        return (
            not self._merges
            or call.rows >= call.limit.rows
            or len(self._calls) >= self._members
            or time.monotonic() - call.began_s >= GATHER_S
        )

    def _gathered(self, call: _Call) -> Sequence[_Call]:
        """The call, and those that fit into one run with it; they wait no longer."""
        chosen, rows = [call], call.rows
        for other in self._calls if self._merges else ():
            if other is not call and call.fits(other) and rows + other.rows <= call.limit.rows:
                chosen.append(other)
                rows += other.rows
        self._calls = [other for other in self._calls if other not in chosen]
        return chosen


def run_in_parts(run: Run, name: str, limit: RowLimit, feed: Feed) -> Feed:
    """Run a graph, ``limit`` rows at a time; the limit falls where that is too many.

    Raises:
        OutOfMemory: the device cannot hold a single row.
    """
    count = len(next(iter(feed.values())))
    parts: list[Feed] = []
    done = 0
    while done < count:
        rows = slice(done, done + limit.rows)
        part = feed if limit.rows >= count else {key: value[rows] for key, value in feed.items()}
        try:
            parts.append(run(**part))
        except OutOfMemory as error:
            limit.rows = min(limit.rows, count)
            limit.halve(name, error)
        else:
            done += limit.rows
    if len(parts) == 1:
        return parts[0]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _run_together(calls: Sequence[_Call]) -> None:
    """Give every call its outputs or its error; a defect is raised here too."""
    first = calls[0]
    fault: FoleyError = ServerError("The server made a mistake.")
    try:
        outputs = run_in_parts(first.run, first.name, first.limit, _merged(calls))
        _hand_out(outputs, calls)
    except FoleyError as error:
        fault = error
    else:
        return
    finally:
        for call in calls:
            if call.outputs is None:
                call.error = _like(fault)


def _hand_out(outputs: Feed, calls: Sequence[_Call]) -> None:
    if len(calls) == 1:
        calls[0].outputs = outputs
        return
    row = 0
    for call in calls:
        own = slice(row, row + call.rows)
        # A view would keep all the others' rows in memory.
        call.outputs = {name: value[own].copy() for name, value in outputs.items()}
        row = own.stop


def _merged(calls: Sequence[_Call]) -> Feed:
    if len(calls) == 1:
        return calls[0].feed
    return {name: np.concatenate([call.feed[name] for call in calls]) for name in calls[0].feed}


def _like(error: FoleyError) -> FoleyError:
    """Another of the same kind: raising one object in two threads would tie their traces."""
    return type(error)(error.message, remedy=error.remedy, detail=error.detail)


class SharedGraph:
    """A graph whose calls go through a collector; called as the graph itself.

    Args:
        graph: the one that is shared.
        collector: where its calls meet.
        limit: how many rows it takes at once.
    """

    def __init__(self, name: str, graph: Run, collector: Collector, limit: RowLimit) -> None:
        self._name, self._graph, self._collector, self._limit = name, graph, collector, limit

    def __call__(self, **inputs: Floats) -> Feed:
        """Run the graph.

        Raises:
            OutOfMemory: the device cannot hold a single row.
            ServerError: the library refused.
        """
        return self._collector.call(self._graph, self._name, self._limit, inputs)
