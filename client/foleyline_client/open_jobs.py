"""Jobs whose end has not been heard of, and what has been heard of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from foleyline_client.heartbeat import UNANSWERED_MAX
from foleyline_contract.codec import Envelope
from foleyline_contract.errors import MessageMalformed
from foleyline_contract.messages import (
    Accepted,
    Failed,
    Generate,
    JobCancelled,
    JobFinished,
    JobInfo,
    Pong,
    Progress,
    TakeFinished,
)
from foleyline_contract.specs import TAKE_SAMPLE_BYTES


@dataclass(slots=True)
class OpenJob:
    """One job that is waited for.

    Attributes:
        generate: the request as it was made here; None for one made elsewhere or earlier.
        accepted: whether the server is known to have it.
        cancelling: whether its end was asked for.
        sample_count: samples of each of its takes; None before it is known.
        takes: numbers of the takes that came.
        doubts: pongs in a row that only a server which does not know the job would send.
    """

    generate: Generate | None = None
    accepted: bool = False
    cancelling: bool = False
    sample_count: int | None = None
    takes: set[int] = field(default_factory=set[int])
    doubts: int = 0


class OpenJobs:
    """What a session waits for.

    A job's events can be lost though both sides live and the line was never cut: a server
    drops what a client does not read in time. Its pongs then tell: they come without any
    Accepted before them, or count no job at all. One such pong proves nothing, as it may have
    overtaken an event; more than can be under way at once do.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, OpenJob] = {}

    @property
    def ids(self) -> frozenset[str]:
        """The jobs' ids."""
        return frozenset(self._jobs)

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def submitted(self, job_id: str, generate: Generate) -> None:
        """A job was asked for here."""
        self._jobs[job_id] = OpenJob(generate, sample_count=generate.clip.sample_count)

    def attached(self, job_id: str) -> None:
        """A job that the server should have is waited for from now on."""
        self._jobs.setdefault(job_id, OpenJob()).accepted = True

    def known(self, info: JobInfo) -> None:
        """The server told of a job."""
        job = self._jobs.get(info.job_id)
        if job is not None:
            job.accepted, job.doubts = True, 0
            job.sample_count = info.request.clip.sample_count

    def cancelling(self, job_id: str) -> None:
        """A job's end was asked for."""
        if job_id in self._jobs:
            self._jobs[job_id].cancelling = True

    def drop(self, job_id: str) -> bool:
        """Wait for a job no longer; False if nobody did."""
        return self._jobs.pop(job_id, None) is not None

    def to_generate(self) -> dict[str, Generate]:
        """Requests that the server may never have heard."""
        jobs = self._jobs.items()
        return {i: job.generate for i, job in jobs if job.generate is not None and not job.accepted}

    def to_attach(self) -> list[str]:
        """Jobs that the server has, or had."""
        return [job_id for job_id, job in self._jobs.items() if job.accepted]

    def to_cancel(self) -> list[str]:
        """Jobs whose end was asked for and has not come."""
        return [job_id for job_id, job in self._jobs.items() if job.cancelling]

    def follow(self, envelope: Envelope) -> bool:
        """Take note of an event; False if it says nothing new, so is to be kept from the user.

        Raises:
            MessageMalformed: a take is not as long as its clip.
        """
        message = envelope.message
        if isinstance(message, JobFinished | JobCancelled):
            return self.drop(message.job_id)
        if isinstance(message, Failed):
            named = message.job_id or envelope.reply_to
            return self.drop(named or "") or message.job_id is None
        if not isinstance(message, Accepted | Progress | TakeFinished):
            return True
        job = self._jobs.get(message.job_id)
        if job is None:
            return False
        job.accepted, job.doubts = True, 0
        if isinstance(message, TakeFinished):
            _check_sound(envelope, message, job.sample_count)
            is_new = message.take not in job.takes
            job.takes.add(message.take)
            return is_new
        return True

    def are_unknown_to(self, pong: Pong) -> bool:
        """Whether, after this pong too, the server must be thought not to know a job."""
        for job in self._jobs.values():
            job.doubts = job.doubts + 1 if not job.accepted or pong.jobs == 0 else 0
        unknown = any(job.doubts > UNANSWERED_MAX for job in self._jobs.values())
        if unknown:
            for job in self._jobs.values():
                job.doubts = 0
        return unknown


def _check_sound(envelope: Envelope, take: TakeFinished, expected: int | None) -> None:
    expected = take.sample_count if expected is None else expected
    sizes = [len(part) for part in envelope.parts]
    if take.sample_count != expected or sizes != [expected * TAKE_SAMPLE_BYTES]:
        raise MessageMalformed("The server sent a take of the wrong length.")
