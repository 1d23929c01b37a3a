"""When to ask the server for a sign of life, and when to give it up."""

from __future__ import annotations

from collections.abc import Callable

PING_INTERVAL_S = 2.0
UNANSWERED_MAX = 4
"""So many pings in a row without a sign of life, and the server counts as lost."""


class Heartbeat:
    """Counts pings that nothing followed.

    It counts pings, not seconds: a program that was itself held up (a sleeping machine, a
    debugger) must not take its own silence for the server's.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._asked_at = clock()
        self._unanswered = 0

    @property
    def is_lost(self) -> bool:
        """Whether the last ping's time has passed without a sign of life."""
        return self._unanswered >= UNANSWERED_MAX and self.is_due

    @property
    def is_due(self) -> bool:
        """Whether it is time for another ping."""
        return self.due_in_s <= 0

    @property
    def due_in_s(self) -> float:
        """Seconds until the next ping."""
        return max(0.0, self._asked_at + PING_INTERVAL_S - self._clock())

    def asked(self) -> None:
        """A ping was sent."""
        self._asked_at = self._clock()
        self._unanswered += 1

    def heard(self) -> None:
        """Something came from the server."""
        self._asked_at = self._clock()
        self._unanswered = 0
