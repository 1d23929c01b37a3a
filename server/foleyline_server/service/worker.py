"""A lane: a thread that takes jobs from the queue and gives each exactly one end."""

from __future__ import annotations

import logging
from threading import Thread

from foleyline_contract.errors import Cancelled, FoleyError, OutOfMemory, ServerError
from foleyline_server.log import about, note, note_error
from foleyline_server.service.announcer import Announcer
from foleyline_server.service.jobs import Job, Scheduler, Stopped
from foleyline_server.service.production import Production
from foleyline_server.store.store import Store

_log = logging.getLogger(__name__)


class Lane(Thread):
    """Runs jobs, one after the other, until the queue is closed."""

    def __init__(
        self, number: int, scheduler: Scheduler, store: Store, production: Production
    ) -> None:
        super().__init__(name=f"foleyline-lane-{number}", daemon=True)
        self._scheduler, self._store, self._production = scheduler, store, production
        self._announcer: Announcer = production.announcer

    def run(self) -> None:
        """Take jobs."""
        while (job := self._scheduler.next()) is not None:
            with about(job.id), self._production.engine.at_work():
                self._run_one(job)

    def _run_one(self, job: Job) -> None:
        try:
            self._store.set_running(job.id)
            note(_log, "started", batch=job.request.batch)
            self._production.run(job)
        except Stopped:
            # In the store it goes on running; the next start queues it again.
            note(_log, "interrupted")
        except Cancelled:
            self._announcer.end(job, "cancelled")
        except FoleyError as error:
            self._fail(job, error)
        except MemoryError as error:
            text = "This machine has too little memory for the job."
            self._fail(job, OutOfMemory(text, detail=repr(error)))
        except Exception as error:  # noqa: BLE001 - whatever a job does, the next one must run
            _log.exception("defect")
            self._fail(job, ServerError("The server made a mistake.", detail=repr(error)))
        else:
            self._announcer.end(job, "finished")

    def _fail(self, job: Job, error: FoleyError) -> None:
        note_error(_log, "failing", error, logging.WARNING)
        self._announcer.end(job, "failed", error)
