"""Jobs in memory and whose turn it is; what lasts of them is in the store.

Jobs that somebody waits for go before those of a fill, and make running ones of a fill pause.
Within each of the two kinds the clients take turns, and one client's go in order.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Condition, RLock

from foleyline_contract.errors import Cancelled, ServerBusy
from foleyline_contract.messages import Generate

JOBS_MAX = 10_000
"""Jobs that have not ended; far above any edit, far below what would fill the memory."""
LISTENERS_MAX = 16
"""Clients that hear of one job; the oldest makes room."""


class Stopped(Exception):
    """The server ends: the job goes on when it is started again."""


@dataclass(slots=True, eq=False)
class Job:
    """One request that has not ended.

    Attributes:
        group: whose turn it takes: the client's, or its owner's after a restart.
        lock: held while the job's listeners are told something, so that all hear it in order.
        listeners: clients that hear of it, in order of their coming.
    """

    id: str
    owner: str
    request: Generate
    group: bytes
    lock: RLock = field(default_factory=RLock)
    listeners: dict[bytes, None] = field(default_factory=dict[bytes, None])
    fraction: float = 0.0
    running: bool = False
    ended: bool = False
    cancelled: bool = False
    started_s: float = 0.0
    paused_s: float = 0.0

    def listen(self, client: bytes) -> None:
        """Let a client hear of the job; with ``lock`` held."""
        self.listeners[client] = None
        if len(self.listeners) > LISTENERS_MAX:
            del self.listeners[next(iter(self.listeners))]


Turns = OrderedDict[bytes, deque[Job]]
"""Waiting jobs by group, the group whose turn it is first."""


class Scheduler:
    """All jobs that have not ended; safe to use from any thread.

    Args:
        lanes: jobs of one kind that run at once.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self._changed = Condition()
        self._jobs: dict[str, Job] = {}
        self._waiting: tuple[Turns, Turns] = (OrderedDict(), OrderedDict())
        """Interactive ones, then those of fills."""
        self._running = [0, 0]
        self._awaited = 0
        """Interactive jobs, waiting and running."""
        self._closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def running(self) -> int:
        """How many jobs run, paused ones included."""
        return sum(self._running)

    @property
    def closed(self) -> bool:
        """Whether the server ends."""
        return self._closed

    def find(self, job_id: str) -> Job | None:
        """A job that has not ended."""
        return self._jobs.get(job_id)

    def require_room(self) -> None:
        """Check that another job may come.

        Raises:
            ServerBusy: there are too many, or the server ends.
        """
        if self._closed:
            raise ServerBusy("The server is ending.", remedy="Start it again.")
        if len(self._jobs) >= JOBS_MAX:
            raise ServerBusy(f"The server has {JOBS_MAX} jobs already.")

    def submit(self, job: Job) -> int:
        """Queue a job; returns how many go before it, as things are."""
        with self._changed:
            turns = self._waiting[job.request.batch]
            own = len(turns.get(job.group, ()))
            others = (len(jobs) for group, jobs in turns.items() if group != job.group)
            ahead = own + sum(min(own + 1, count) for count in others) + self.running
            if job.request.batch:
                ahead += self._awaited - self._running[False]
            else:
                self._awaited += 1
            turns.setdefault(job.group, deque()).append(job)
            self._jobs[job.id] = job
            self._changed.notify_all()
            return ahead

    def next(self) -> Job | None:
        """Wait for the job whose turn it is, and mark it running; None when closed."""
        with self._changed:
            while not self._closed:
                for batch in (False, True):
                    may_run = self._running[batch] < self._lanes and not (batch and self._awaited)
                    if may_run and self._waiting[batch]:
                        return self._take(self._waiting[batch])
                self._changed.wait()
            return None

    def stop(self, job_id: str, owner: str) -> bool:
        """Let a job end at its next step; False if there is none, or not of this owner."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or job.owner != owner:
                return False
            job.cancelled = True
            self._changed.notify_all()
            return True

    def withdraw(self, job_id: str, owner: str) -> Job | None:
        """Take a waiting job out of the queue; the caller ends it. None if it does not wait."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or job.owner != owner or job.running:
                return None
            job.cancelled = True
            turns = self._waiting[job.request.batch]
            if job not in turns.get(job.group, ()):
                return None
            turns[job.group].remove(job)
            if not turns[job.group]:
                del turns[job.group]
            return job

    def check(self, job: Job, aside: Callable[[], AbstractContextManager[None]]) -> None:
        """Stop or pause here if need be; called by the job's own thread at every step.

        Raises:
            Cancelled: its owner wants it to end.
            Stopped: the server ends.
        """
        if job.request.batch and self._awaited and not (job.cancelled or self._closed):
            paused_at_s = time.monotonic()
            with aside(), self._changed:
                while self._awaited and not (job.cancelled or self._closed):
                    self._changed.wait()
            job.paused_s += time.monotonic() - paused_at_s
        if job.cancelled:
            raise Cancelled("The job was cancelled.")
        if self._closed:
            raise Stopped

    def remove(self, job: Job) -> None:
        """Forget a job that has ended."""
        with self._changed:
            if self._jobs.pop(job.id, None) is None:
                return
            self._awaited -= not job.request.batch
            self._running[job.request.batch] -= job.running
            self._changed.notify_all()

    def close(self) -> None:
        """Give out no more jobs, and stop those that run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, turns: Turns) -> Job:
        """The next job of the group whose turn it is; the group goes to the end."""
        group, jobs = next(iter(turns.items()))
        job = jobs.popleft()
        if jobs:
            turns.move_to_end(group)
        else:
            del turns[group]
        job.running = True
        job.started_s = time.monotonic()
        self._running[job.request.batch] += 1
        return job
