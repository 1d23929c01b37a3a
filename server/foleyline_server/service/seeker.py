"""Looking for shot changes on behalf of clients that may not wait for them to the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial
from threading import Lock

from foleyline_contract.errors import Cancelled, ServerBusy, SettingInvalid
from foleyline_contract.messages import Clip, CutsFound
from foleyline_server.service.asked import Asked

SILENT_S = 30.0
"""A client that has said nothing for so long is gone: those that wait ask for signs of life."""
_SEARCH_MAX_S = 3600.0
"""Five hours of 1920 x 1080, at what two cores decode."""
_CUTS_MAX = 10_000
"""More do not fit an answer; an hour of film has a thousand or two."""


class Seeker:
    """Finds cuts; one thread, while the router's says who asks and is still there.

    Args:
        find: where other shots begin within a clip; ``Decoders.cuts``.
        is_ending: whether the server is.
        clock: seconds.
    """

    def __init__(
        self,
        find: Callable[[Clip, Callable[[], None]], Iterable[Fraction]],
        is_ending: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find, self._is_ending, self._clock = find, is_ending, clock
        self._lock = Lock()
        self._wanted: dict[bytes, tuple[str, float]] = {}
        """Each client's last question, and when the client was heard last."""

    def expect(self, asked: Asked) -> None:
        """A question was queued; the client waits for no earlier one any longer."""
        with self._lock:
            there = {c: kept for c, kept in self._wanted.items() if not self._is_gone(c)}
            self._wanted = {**there, asked.client: (asked.request_id, self._clock())}

    def hear(self, client: bytes) -> None:
        """A client is there."""
        with self._lock:
            if client in self._wanted:
                self._wanted[client] = (self._wanted[client][0], self._clock())

    def cuts(self, clip: Clip, asked: Asked) -> CutsFound | None:
        """The answer, or None when nobody waits for it any longer.

        Args:
            clip: with a path that can be opened.
            asked: the question.

        Raises:
            InputError: the clip's file cannot be used.
            SettingInvalid: there are too many cuts.
            ServerBusy: it takes too long, or the server is ending.
        """
        end_s = self._clock() + _SEARCH_MAX_S
        found: list[Fraction] = []
        try:
            self._check(asked, end_s)
            for cut_s in self._find(clip, partial(self._check, asked, end_s)):
                found.append(cut_s)
                if len(found) > _CUTS_MAX:
                    raise SettingInvalid(
                        f"The clip has more than {_CUTS_MAX} shot changes.",
                        remedy="Look for them in a shorter stretch.",
                    )
        except Cancelled:
            return None
        finally:
            with self._lock:
                if self._is_wanted(asked):
                    del self._wanted[asked.client]
        return CutsFound(tuple(found))

    def _is_wanted(self, asked: Asked) -> bool:
        return self._wanted.get(asked.client, ("",))[0] == asked.request_id

    def _is_gone(self, client: bytes) -> bool:
        return self._clock() - self._wanted[client][1] > SILENT_S

    def _check(self, asked: Asked, end_s: float) -> None:
        if self._is_ending():
            raise ServerBusy("The server is ending.", remedy="Start it again.")
        with self._lock:
            if not self._is_wanted(asked) or self._is_gone(asked.client):
                raise Cancelled("Nobody waits for the shot changes any longer.")
        if self._clock() > end_s:
            raise ServerBusy(
                "Looking for shot changes took too long.",
                remedy="Look for them in a shorter stretch.",
            )
