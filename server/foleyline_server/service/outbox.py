"""Events on their way from other threads to the router; no sockets of its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from foleyline_contract.codec import Envelope, new_id
from foleyline_contract.messages import Event


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message and the client it goes to."""

    client: bytes
    envelope: Envelope

    @property
    def size_bytes(self) -> int:
        """Of the binary parts; headers count as nothing."""
        return sum(map(len, self.envelope.parts))


class Outbox:
    """A queue that any thread fills and the router empties.

    Args:
        wake: called after every post, under a lock; wakes the router.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: deque[Outgoing] = deque()
        self._waiting_bytes: Counter[bytes] = Counter()
        self._lock = Lock()

    def tell(
        self, client: bytes, message: Event, reply_to: str | None, parts: tuple[bytes, ...] = ()
    ) -> None:
        """Queue an event; never waits."""
        self.post(Outgoing(client, Envelope(message, new_id(), reply_to, parts)))

    def post(self, outgoing: Outgoing) -> None:
        """Queue a message; never waits."""
        with self._lock:
            self._waiting.append(outgoing)
            if size := outgoing.size_bytes:
                self._waiting_bytes[outgoing.client] += size
            self._wake()

    def take_all(self) -> list[Outgoing]:
        """Everything queued, oldest first."""
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
        return taken

    def waiting_bytes(self, client: bytes) -> int:
        """Takes that were posted to a client and have not gone to the socket yet."""
        return self._waiting_bytes[client]

    def gone(self, outgoing: Outgoing) -> None:
        """A message went to the socket, or was dropped."""
        if size := outgoing.size_bytes:
            with self._lock:
                self._waiting_bytes[outgoing.client] -= size
                if self._waiting_bytes[outgoing.client] <= 0:
                    del self._waiting_bytes[outgoing.client]
