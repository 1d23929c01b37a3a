"""The add-on's one connection: the client thread, and the board that shows its state."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from time import perf_counter

from . import notices as n
from .board import Board
from .bridge import Bridge
from .connector import connect
from .folders import notebook
from .jobs import Job, State

log = logging.getLogger(__name__)

DRAIN_LIMIT_S = 0.002
"""For taking in notices: the rest of a tick's five milliseconds is for acting on them."""


class Link:
    """The bridge to the client thread and what is known through it."""

    def __init__(self) -> None:
        self.board = Board()
        self.unsaved: set[str] = set()
        """Jobs whose takes lie on the timeline, but not in a saved file."""
        self._bridge: Bridge | None = None

    @property
    def alive(self) -> bool:
        return self._bridge is not None and self._bridge.alive

    def order(self, order: n.Order) -> None:
        """Hand an order to the client thread; Connect starts it, others need it."""
        if isinstance(order, n.Connect) and not self.alive:
            self._bridge = Bridge(connect, notebook())
        if self._bridge is not None:
            self._bridge.order(order)

    def drain(self) -> bool:
        """Take in notices for at most DRAIN_LIMIT_S; whether there was any."""
        if self._bridge is None:
            return False
        start_s = perf_counter()
        alive = self._bridge.alive  # read first: a thread's last words come before its end
        changed = False
        while (notice := self._bridge.take_notice()) is not None:
            self.board.apply(notice, perf_counter())
            changed = True
            if perf_counter() - start_s > DRAIN_LIMIT_S:
                return True
        if not alive:
            self._bridge = None
            self.board.thread_died()
            return True
        return changed

    def forget(self, job_ids: set[str]) -> None:
        """Tell the server that nobody needs these jobs' takes from it any more."""
        self.unsaved -= job_ids
        if job_ids:
            self.order(n.Forget(tuple(sorted(job_ids))))

    def forget_all(self, jobs: Iterable[Job]) -> None:
        """The same for jobs, each once."""
        new = [job for job in jobs if not job.forgotten]
        for job in new:
            job.forgotten = True
        self.forget({job.job_id for job in new})

    def part(self, *, keep_unsaved: bool = False) -> None:
        """The file is going away: what landed in it or failed for it is over.

        Args:
            keep_unsaved: the takes shall come back, since the file is only read anew.
        """
        self.forget_all(self.board.in_state(State.FAILED))
        if not keep_unsaved:
            self.forget(set(self.unsaved))
        self.unsaved.clear()

    def close(self) -> None:
        """End the client thread and forget all it said; jobs go on at the server."""
        self.part()
        bridge, self._bridge = self._bridge, None
        if bridge is not None and not bridge.close():
            log.warning("the client thread did not end in time")
        self.board = Board()


link = Link()
