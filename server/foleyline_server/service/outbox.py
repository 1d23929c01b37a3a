"""Events on their way from other threads to the router; no sockets of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from foleyline_contract.codec import Envelope


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message and the client it goes to."""

    client: bytes
    envelope: Envelope


class Outbox:
    """A queue that any thread fills and the router empties.

    Args:
        wake: called after every post, under a lock; wakes the router.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: deque[Outgoing] = deque()
        self._lock = Lock()

    def post(self, outgoing: Outgoing) -> None:
        """Queue a message; never waits."""
        with self._lock:
            self._waiting.append(outgoing)
            self._wake()

    def take_all(self) -> list[Outgoing]:
        """Everything queued, oldest first."""
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
        return taken
