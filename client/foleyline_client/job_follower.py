"""Asking for jobs, and asking for them again when their events may have been lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from foleyline_client.open_jobs import OpenJobs
from foleyline_contract.codec import Envelope, new_id
from foleyline_contract.errors import ServerLost
from foleyline_contract.messages import (
    JOBS_PER_LIST,
    Acknowledge,
    Acknowledged,
    Attach,
    Cancel,
    CutsFound,
    Failed,
    Generate,
    JobList,
    Pong,
    Probed,
    Request,
    ServerStatus,
    Uploaded,
    Welcome,
)

_ANSWERS = Welcome | Probed | CutsFound | Pong | JobList | Acknowledged | Uploaded | ServerStatus
"""What nobody asked for, or does not wait for any longer, is no news."""
_LOST = ServerLost("The server does not know this job any longer.", remedy="Generate once more.")


def in_requests(job_ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Ids in as many groups as there have to be requests."""
    rest = iter(job_ids)
    while group := tuple(islice(rest, JOBS_PER_LIST)):
        yield group


class JobFollower:
    """The jobs of a session; never waits.

    Args:
        send: sends a request, under an id if one is given, and returns its id.
    """

    def __init__(self, send: Callable[[Request, str | None], str]) -> None:
        self._send = send
        self.resumptions = 0
        """How often jobs were asked for again."""
        self._jobs = OpenJobs()
        self._attaching: dict[str, tuple[str, ...]] = {}
        self._acknowledging: dict[str, tuple[str, ...]] = {}

    @property
    def ids(self) -> frozenset[str]:
        """Jobs whose end has not been heard of."""
        return self._jobs.ids

    # ---- requests ----------------------------------------------------------------------------

    def submit(self, generate: Generate, job_id: str | None) -> str:
        """Queue a job; returns its id."""
        job_id = job_id or new_id()
        self._jobs.submitted(job_id, generate)
        return self._send(generate, job_id)

    def attach(self, job_ids: Iterable[str]) -> None:
        """Hear of jobs that the server should have."""
        for group in in_requests(job_ids):
            for job_id in group:
                self._jobs.attached(job_id)
            self._attaching[self._send(Attach(group), None)] = group

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end."""
        self._jobs.cancelling(job_id)
        self._send(Cancel(job_id=job_id), None)

    def acknowledge(self, job_ids: Iterable[str]) -> None:
        """Say that the takes of ended jobs are where they belong."""
        for group in in_requests(job_ids):
            self._acknowledging[self._send(Acknowledge(group), None)] = group

    # ---- a conversation's listener -----------------------------------------------------------

    def resume(self) -> None:
        """Ask again for all that is still waited for."""
        self._attaching.clear()
        self.resumptions += bool(self._jobs)
        for job_id, generate in self._jobs.to_generate().items():
            self._send(generate, job_id)
        self.attach(self._jobs.to_attach())
        for job_id in self._jobs.to_cancel():
            self._send(Cancel(job_id=job_id), None)
        waiting, self._acknowledging = self._acknowledging, {}
        self.acknowledge(job_id for group in waiting.values() for job_id in group)

    def hear_pong(self, pong: Pong) -> None:
        """Notice from a sign of life that events were lost."""
        if self._jobs.are_unknown_to(pong):
            self.resume()

    def hear(self, envelope: Envelope) -> Sequence[Envelope]:
        """Take note of an event; returns what of it is news."""
        message, reply_to = envelope.message, envelope.reply_to or ""
        if isinstance(message, Acknowledged | Failed) and reply_to in self._acknowledging:
            del self._acknowledging[reply_to]
            return ()
        if isinstance(message, JobList | Failed) and reply_to in self._attaching:
            return self._attached(message, self._attaching.pop(reply_to))
        if isinstance(message, _ANSWERS):
            return ()
        return (envelope,) if self._jobs.follow(envelope) else ()

    def _attached(self, answer: JobList | Failed, group: tuple[str, ...]) -> list[Envelope]:
        """The server said which jobs of a group it has; the others end here."""
        if isinstance(answer, Failed):
            return self._end(group, answer.code, answer.message, answer.remedy)
        for info in answer.jobs:
            self._jobs.known(info)
        named = {info.job_id for info in answer.jobs}
        missing = tuple(job_id for job_id in group if job_id not in named)
        if answer.more and len(missing) < len(group):
            self._attaching[self._send(Attach(missing), None)] = missing
            return []
        return self._end(missing, _LOST.code, _LOST.message, _LOST.remedy)

    def _end(self, job_ids: Iterable[str], code: str, message: str, remedy: str) -> list[Envelope]:
        return [
            Envelope(Failed(code, message, remedy, job_id), new_id(), job_id)
            for job_id in job_ids
            if self._jobs.drop(job_id)
        ]
