"""Delivers to clients of all speeds: what one cannot take yet waits here, in order."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from enum import Enum

from foleyline_contract.codec import encode
from foleyline_server.log import note
from foleyline_server.service.outbox import Outbox, Outgoing

_log = logging.getLogger(__name__)
_WAITING_MAX = 20_000
"""Messages for a client that takes none; then they are dropped. Takes are few among them: see
announcer.py."""


class Sent(Enum):
    """What became of a message."""

    YES = "yes"
    FULL = "the client takes no more for now"
    GONE = "there is no such client any more"


Send = Callable[[bytes, list[bytes]], Sent]


class Postman:
    """The router's own; not safe to use from other threads.

    Args:
        outbox: told of what has gone.
        send: puts wire parts on a client's line.
    """

    def __init__(self, outbox: Outbox, send: Send) -> None:
        self._outbox = outbox
        self._send = send
        self._waiting: dict[bytes, deque[Outgoing]] = {}

    @property
    def has_waiting(self) -> bool:
        """Whether somebody could not take everything."""
        return bool(self._waiting)

    def deliver(self, outgoing: Outgoing) -> None:
        """Send a message, behind those that wait for the same client."""
        queue = self._waiting.get(outgoing.client)
        if queue is None:
            if self._try(outgoing) is Sent.FULL:
                self._waiting[outgoing.client] = deque([outgoing])
        elif len(queue) < _WAITING_MAX:
            queue.append(outgoing)
        else:
            note(_log, "client-deaf", logging.WARNING, dropped=len(queue))
            self._drop(outgoing.client)
            self._outbox.gone(outgoing)

    def retry(self) -> None:
        """Send what clients can take by now."""
        for client, queue in list(self._waiting.items()):
            while queue:
                sent = self._try(queue[0])
                if sent is Sent.FULL:
                    break
                queue.popleft()
                if sent is Sent.GONE:
                    self._drop(client)
            if not queue:
                self._waiting.pop(client, None)

    def _try(self, outgoing: Outgoing) -> Sent:
        try:
            parts = encode(outgoing.envelope)
        except (TypeError, ValueError):
            # The messages behind this one must still be sent.
            _log.exception("a message could not be written")
            sent = Sent.GONE
        else:
            sent = self._send(outgoing.client, parts)
        if sent is not Sent.FULL:
            self._outbox.gone(outgoing)
        return sent

    def _drop(self, client: bytes) -> None:
        for outgoing in self._waiting.pop(client, ()):
            self._outbox.gone(outgoing)
