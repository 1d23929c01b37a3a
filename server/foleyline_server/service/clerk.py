"""A thread that answers what needs the disk, so that the router never waits for one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from queue import Full, Queue
from threading import Thread

from foleyline_contract.errors import FoleyError, ServerBusy, ServerError
from foleyline_contract.messages import Event, Failed
from foleyline_server.log import note_error
from foleyline_server.service.asked import Asked
from foleyline_server.service.outbox import Outbox

_log = logging.getLogger(__name__)


class Clerk(Thread):
    """Answers requests in order.

    Args:
        name: of the thread.
        handle: the answer to a request, or None where it has been given.
        outbox: where answers go.
        waiting_max: requests in memory; more are refused.
    """

    def __init__(
        self,
        name: str,
        handle: Callable[[Asked], Event | None],
        outbox: Outbox,
        waiting_max: int,
    ) -> None:
        super().__init__(name=f"foleyline-{name}", daemon=True)
        self._handle = handle
        self._outbox = outbox
        self._asked: Queue[Asked | None] = Queue(waiting_max)
        self._closed = False

    def ask(self, asked: Asked) -> None:
        """Queue a request.

        Raises:
            ServerBusy: there are too many.
        """
        try:
            self._asked.put_nowait(asked)
        except Full:
            raise ServerBusy(
                "The server has too many requests to answer.", remedy="Try again in a minute."
            ) from None

    def close(self) -> None:
        """Answer nothing more."""
        self._closed = True
        try:
            self._asked.put_nowait(None)
        except Full:
            return  # it looks at what it closed for after the request at hand

    def run(self) -> None:
        """Answer until closed."""
        while not self._closed:
            asked = self._asked.get()
            if asked is None or self._closed:
                return
            answer = answered(partial(self._handle, asked), asked.request_id)
            if answer is not None:
                self._outbox.tell(asked.client, answer, asked.request_id)


def answered(answer: Callable[[], Event | None], request_id: str) -> Event | None:
    """What ``answer`` gives; a refusal or a defect is an answer too."""
    try:
        return answer()
    except FoleyError as error:
        note_error(_log, "refused", error, logging.INFO)
        return failed(error)
    except Exception:  # noqa: BLE001 - a defect in one handler must not end the server
        _log.exception("request=%s met a defect", request_id)
        return failed(ServerError("The server made a mistake."))


def failed(error: FoleyError) -> Failed:
    """The refusal of a request."""
    return Failed(error.code, error.message, error.remedy)
