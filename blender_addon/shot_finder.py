"""Where shots begin in long movies: asked in a thread of its own, over a line of its own.

An answer takes as long as decoding the movie does, and jobs must not wait for it. No bpy here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from foleyline_contract.errors import Cancelled, FoleyError

from . import notices as n
from .line import Connector


class ShotFinder:
    """Answers each FindShots with a ShotsFound for every clip, in order."""

    def __init__(self, connector: Connector, put: Callable[[n.Notice], None]) -> None:
        self._connector = connector
        self._put = put
        self._abort = threading.Event()

    def find(self, order: n.FindShots, line: n.Connect) -> None:
        """Begin; returns at once."""
        arguments = (order, replace(line, start=False), self._abort)
        threading.Thread(
            target=self._run, args=arguments, name="foleyline-shots", daemon=True
        ).start()

    def stop(self) -> None:
        """Ask for no more answers; may be called by any thread."""
        self._abort.set()
        self._abort = threading.Event()

    def _run(self, order: n.FindShots, line: n.Connect, abort: threading.Event) -> None:
        def check(_text: str = "") -> None:
            if abort.is_set():
                raise Cancelled("Cancelled.")

        asked = list(order.clips)
        try:
            session, _ = self._connector(line, check)
            with closing(session):
                while asked:
                    ask_id, clip = asked[0]
                    self._put(n.ShotsFound(ask_id, session.find_cuts(clip, check=check)))
                    asked.pop(0)
        except FoleyError as error:
            ask_id, _ = asked.pop(0)
            self._put(n.ShotsFound(ask_id, (), n.Problem.of(error)))
            if asked and not abort.is_set():
                self._run(n.FindShots(tuple(asked)), line, abort)
