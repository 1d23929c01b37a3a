"""A thread that looks into files, so that a sleeping drive never holds up the router."""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from foleyline_contract.errors import FoleyError, ServerError
from foleyline_contract.messages import Failed, Probed
from foleyline_server.service.outbox import Outbox

_log = logging.getLogger(__name__)


class Prober(Thread):
    """Answers Probe requests in order.

    Args:
        outbox: where the answers go.
        probe: what looks into a file; ``Decoders.probe``.
    """

    def __init__(self, outbox: Outbox, probe: Callable[[str], Probed]) -> None:
        super().__init__(name="foleyline-prober", daemon=True)
        self._outbox = outbox
        self._probe = probe
        self._asked: SimpleQueue[tuple[bytes, str, str] | None] = SimpleQueue()

    def ask(self, client: bytes, request_id: str, path: str) -> None:
        """Queue a question; the answer goes to the client."""
        self._asked.put((client, request_id, path))

    def close(self) -> None:
        """Answer what was asked so far, then end."""
        self._asked.put(None)

    def run(self) -> None:
        """Answer until closed."""
        while (asked := self._asked.get()) is not None:
            client, request_id, path = asked
            self._outbox.tell(client, self._answer(path), request_id)

    def _answer(self, path: str) -> Probed | Failed:
        try:
            return self._probe(path)
        except FoleyError as error:
            _log.debug("a file could not be probed: %s %s", error.code, error.detail)
            return Failed(error.code, error.message, error.remedy)
        except Exception:  # noqa: BLE001 - as in worker.py: a defect is logged and answered
            _log.exception("probing met a defect")
            error = ServerError("The server made a mistake.")
            return Failed(error.code, error.message, error.remedy)
