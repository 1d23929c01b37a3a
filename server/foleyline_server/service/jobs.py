"""Jobs: first in, first out, each with one end and one end only."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from threading import Condition, Event

from foleyline_contract.codec import Envelope, new_id
from foleyline_contract.errors import Cancelled, FoleyError, MessageMalformed, ServerBusy
from foleyline_contract.messages import (
    Clip,
    Failed,
    JobCancelled,
    JobFinished,
    Message,
)
from foleyline_server.pipeline.provenance import UsedSettings
from foleyline_server.runtime.bundles import FoundBundle
from foleyline_server.service.outbox import Outbox, Outgoing

_log = logging.getLogger(__name__)
JOBS_MAX = 10_000
"""Waiting jobs; far above any edit, far below what would fill the memory."""


class JobState(Enum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(slots=True)
class Job:
    """One accepted request. Only JobQueue changes its state."""

    id: str
    client: bytes
    clip: Clip
    settings: UsedSettings
    bundle: FoundBundle
    state: JobState = JobState.QUEUED
    stop: Event = field(default_factory=Event)
    """Set when the job should end; looked at between all steps of the work."""
    started_s: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Raise Cancelled when the job should stop."""
        if self.stop.is_set():
            raise Cancelled("The job was cancelled.")


class JobQueue:
    """All jobs that have not ended; safe to use from any thread."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._changed = Condition()
        self._closed = False

    def __len__(self) -> int:
        with self._changed:
            return len(self._jobs)

    def submit(self, job: Job) -> int:
        """Queue a job; returns how many are before it.

        Raises:
            MessageMalformed: a job of that id has not ended yet.
            ServerBusy: there are too many, or the server ends.
        """
        with self._changed:
            if self._closed:
                raise ServerBusy("The server is ending.", remedy="Start it again.")
            if job.id in self._jobs:
                raise MessageMalformed("There is a job of that id already.")
            if len(self._jobs) >= JOBS_MAX:
                raise ServerBusy(f"The server has {JOBS_MAX} jobs already.")
            ahead = len(self._jobs)
            self._jobs[job.id] = job
            self._changed.notify()
            return ahead

    def next(self) -> Job | None:
        """Wait for the oldest queued job and mark it running; None when the queue is closed."""
        with self._changed:
            while True:
                for job in self._jobs.values():
                    if job.state is JobState.QUEUED:
                        job.state = JobState.RUNNING
                        job.started_s = time.monotonic()
                        return job
                if self._closed:
                    return None
                self._changed.wait()

    def cancel(self, job_id: str) -> None:
        """End a queued job, or ask a running one to stop; nothing if it has ended."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None:
                return
            job.stop.set()
            if job.state is JobState.QUEUED:
                self._end(job, JobCancelled(job_id))

    def close(self) -> None:
        """Take no more jobs and end those there are."""
        with self._changed:
            self._closed = True
            for job_id in list(self._jobs):
                self.cancel(job_id)
            self._changed.notify_all()

    def emit(self, job: Job, message: Message, parts: tuple[bytes, ...] = ()) -> None:
        """Send one of a running job's events to its client."""
        envelope = Envelope(message, new_id(), reply_to=job.id, parts=parts)
        self._outbox.post(Outgoing(job.client, envelope))

    def finish(self, job: Job) -> None:
        """End a running job whose takes have all been sent."""
        elapsed_s = time.monotonic() - job.started_s
        with self._changed:
            self._end(job, JobFinished(job.id, elapsed_s))

    def fail(self, job: Job, error: FoleyError) -> None:
        """End a running job that broke off, by its owner's wish or not."""
        with self._changed:
            if isinstance(error, Cancelled):
                self._end(job, JobCancelled(job.id))
            else:
                self._end(job, Failed(error.code, error.message, error.remedy, job.id))

    def _end(self, job: Job, message: JobFinished | JobCancelled | Failed) -> None:
        if job.state is JobState.ENDED:
            _log.error("job %s has ended already", job.id)
            return
        job.state = JobState.ENDED
        self._jobs.pop(job.id, None)
        self.emit(job, message)
        _log.info("job %s: %s", job.id, type(message).__name__)
