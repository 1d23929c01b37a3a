"""Jobs whose end has not been heard of, and when to stop waiting for it."""

from __future__ import annotations

from dataclasses import dataclass

from foleyline_client.heartbeat import UNANSWERED_MAX
from foleyline_contract.codec import Envelope
from foleyline_contract.messages import (
    Accepted,
    Failed,
    JobCancelled,
    JobFinished,
    Pong,
    Progress,
    TakeFinished,
)


@dataclass(slots=True)
class _Open:
    sample_count: int
    """Of each of its takes."""
    accepted: bool = False
    doubts: int = 0
    """Pongs in a row that only a server which does not know the job would send."""


class OpenJobs:
    """What a session waits for.

    A job's events can be lost though both sides live: the server drops a client that was
    stopped for long, and takes it for a stranger when it comes back. Its pongs then tell:
    they come without any Accepted before them, or count no job at all. One such pong proves
    nothing, as it may have overtaken an event; more than can be under way at once do.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, _Open] = {}

    @property
    def ids(self) -> frozenset[str]:
        """The jobs' ids."""
        return frozenset(self._jobs)

    def add(self, job_id: str, sample_count: int) -> None:
        """A job was submitted, whose takes will have that many samples."""
        self._jobs[job_id] = _Open(sample_count)

    def sample_count(self, job_id: str) -> int | None:
        """Samples of each take of a job; None for a job of somebody else."""
        job = self._jobs.get(job_id)
        return None if job is None else job.sample_count

    def clear(self) -> None:
        """Wait for nothing any longer."""
        self._jobs.clear()

    def follow(self, envelope: Envelope) -> None:
        """Take note of an event; one that ends a job makes it forgotten."""
        message = envelope.message
        if isinstance(message, JobFinished | JobCancelled):
            self._jobs.pop(message.job_id, None)
        elif isinstance(message, Failed):
            self._jobs.pop(message.job_id or envelope.reply_to or "", None)
        elif isinstance(message, Accepted | Progress | TakeFinished):
            job = self._jobs.get(message.job_id)
            if job is not None:
                job.accepted, job.doubts = True, 0

    def are_unknown_to(self, pong: Pong) -> bool:
        """Whether, after this pong too, the server must be thought not to know a job."""
        for job in self._jobs.values():
            job.doubts = job.doubts + 1 if not job.accepted or pong.jobs == 0 else 0
        return any(job.doubts > UNANSWERED_MAX for job in self._jobs.values())
