"""A thread that tidies up now and then, and knows how full the disk is."""

from __future__ import annotations

import logging
import time
from threading import Event, Thread

from foleyline_contract.errors import FoleyError
from foleyline_server.log import note_error
from foleyline_server.service.engine import Engine
from foleyline_server.store.store import Store

_log = logging.getLogger(__name__)
_LOOK_S = 1.0
_TIDY_S = 60.0


class Upkeep(Thread):
    """Forgets old jobs, lets the engine rest; ``usage`` is at most seconds old.

    Raises:
        StorageFailed: the disk cannot be looked at.
    """

    def __init__(self, store: Store, engine: Engine) -> None:
        super().__init__(name="foleyline-upkeep", daemon=True)
        self._store, self._engine = store, engine
        self.usage = store.usage()
        self._closed = Event()

    def close(self) -> None:
        """End."""
        self._closed.set()

    def run(self) -> None:
        """Look and tidy until closed."""
        tidied_s = 0.0
        while not self._closed.wait(_LOOK_S):
            try:
                self.usage = self._store.usage()
                if time.monotonic() - tidied_s > _TIDY_S:
                    tidied_s = time.monotonic()
                    self._engine.rest()
                    self._store.forget_old()
            except FoleyError as error:
                note_error(_log, "upkeep-failed", error, logging.WARNING)
            except Exception:  # noqa: BLE001 - as in worker.py: it must go on tomorrow
                _log.exception("upkeep met a defect")
