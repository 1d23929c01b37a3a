"""The one compute thread: takes jobs from the queue and turns every end into an event."""

from __future__ import annotations

import logging
from threading import Thread

from foleyline_contract.errors import Cancelled, FoleyError, OutOfMemory, ServerError
from foleyline_contract.messages import Progress, TakeFinished
from foleyline_server.pipeline.generate import Take, generate
from foleyline_server.pipeline.progress import Meter
from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.service.jobs import Job, JobQueue

_log = logging.getLogger(__name__)


class Worker(Thread):
    """Runs jobs until the queue is closed."""

    def __init__(self, jobs: JobQueue, shelf: BundleShelf) -> None:
        super().__init__(name="foleyline-worker", daemon=True)
        self._jobs = jobs
        self._shelf = shelf

    def run(self) -> None:
        """Take jobs, one after the other."""
        while (job := self._jobs.next()) is not None:
            self._run_one(job)

    def _run_one(self, job: Job) -> None:
        try:
            self._work(job)
        except Cancelled as error:
            self._jobs.fail(job, error)
        except FoleyError as error:
            _log.warning("job %s failed: %s %s", job.id, error.code, error.detail)
            self._jobs.fail(job, error)
        except MemoryError:
            _log.exception("job %s ran out of memory", job.id)
            self._jobs.fail(job, OutOfMemory("This machine has too little memory for the job."))
        except Exception:  # noqa: BLE001 - whatever a job does, the next one must run
            _log.exception("job %s met a defect", job.id)
            self._jobs.fail(job, ServerError("The server made a mistake."))
        else:
            self._jobs.finish(job)

    def _work(self, job: Job) -> None:
        def report(stage: str, step: int, steps: int, fraction: float) -> None:
            self._jobs.emit(job, Progress(job.id, stage, step, steps, fraction))

        meter = Meter(job.settings.takes, report, job.check)
        meter.loading()
        bundle = self._shelf.load(job.bundle)
        for take in generate(job.clip, job.settings, bundle, meter):
            job.check()
            self._send(job, take)

    def _send(self, job: Job, take: Take) -> None:
        message = TakeFinished(
            job_id=job.id,
            take=take.number,
            takes=job.settings.takes,
            seed=take.seed,
            sample_count=take.sample_count,
            peak_dbfs=take.peak_dbfs,
            log_p_aligned=take.log_p_aligned,
            provenance=take.provenance,
        )
        self._jobs.emit(job, message, (take.pcm,))
