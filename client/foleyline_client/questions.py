"""What a client asks a server and waits for: how it is, which jobs it has, what a file shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

from foleyline_client.conversation import Conversation
from foleyline_client.job_follower import in_requests
from foleyline_client.upload import ignore_progress, never_stop, upload
from foleyline_contract.messages import (
    JOBS_PER_LIST,
    Acknowledge,
    Acknowledged,
    Clip,
    CutsFound,
    FindCuts,
    Goodbye,
    JobInfo,
    JobList,
    ListJobs,
    Ping,
    Pong,
    Probe,
    Probed,
    ServerStatus,
    Shutdown,
    Status,
)

ANSWER_S = 5.0
"""Wait for an answer that the server gives at once (within 100 ms by DESIGN.md)."""
SHUTDOWN_S = 15.0
"""Wait for Goodbye: the running job first stops at its next step."""
PROBE_S = 60.0
"""Wait for a probe, which may have to wake a network drive."""
CUTS_S = 3600.0
"""Wait for a whole clip to be decoded; meanwhile the heartbeat tells whether the server lives."""


class Questions:
    """The part of a session that waits for answers; events that come meanwhile are kept.

    Any of these raises ServerLost when no answer comes, and what the server refuses with.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._upload_max_bytes = 0

    # ---- the server --------------------------------------------------------------------------

    def ping(self, timeout_s: float = ANSWER_S) -> Pong:
        """Ask for a sign of life."""
        return self._conversation.ask(Ping(), Pong, timeout_s, beating=False)

    def status(self, timeout_s: float = ANSWER_S) -> ServerStatus:
        """Ask how the server is."""
        return self._conversation.ask(Status(), ServerStatus, timeout_s, beating=False)

    def shutdown(self, *, only_if_idle: bool = False, timeout_s: float = SHUTDOWN_S) -> None:
        """Ask the server to end, and wait until it says that it does.

        Raises:
            ServerBusy: it has jobs, and ``only_if_idle`` was asked for.
        """
        self._conversation.ask(Shutdown(only_if_idle), Goodbye, timeout_s, beating=False)

    # ---- jobs ----

    def forget(self, job_ids: Iterable[str], timeout_s: float = ANSWER_S) -> tuple[str, ...]:
        """Acknowledge ended jobs and wait; returns those that the server has let go of."""
        done: list[str] = []
        for group in in_requests(job_ids):
            done += self._conversation.ask(Acknowledge(group), Acknowledged, timeout_s).job_ids
        return tuple(done)

    def list_jobs(
        self,
        *,
        states: Sequence[str] = (),
        strips: Sequence[str] = (),
        unacknowledged: bool = False,
        after: str = "",
        limit: int = JOBS_PER_LIST,
        timeout_s: float = ANSWER_S,
    ) -> JobList:
        """Ask which jobs there are, oldest first: one page of them.

        Raises:
            SettingInvalid: more than ``JOBS_PER_LIST`` strips, or a state that is none.
        """
        query = ListJobs(tuple(states), tuple(strips), unacknowledged, after, limit)
        return self._conversation.ask(query, JobList, timeout_s)

    def all_jobs(
        self, *, states: Sequence[str] = (), unacknowledged: bool = False
    ) -> tuple[JobInfo, ...]:
        """All pages of ``list_jobs``."""
        jobs: list[JobInfo] = []
        while True:
            after = jobs[-1].job_id if jobs else ""
            page = self.list_jobs(states=states, unacknowledged=unacknowledged, after=after)
            jobs += page.jobs
            if not page.more or not page.jobs:
                return tuple(jobs)

    # ---- files -----------------------------------------------------------------------------

    def probe(self, path: str, timeout_s: float = PROBE_S, *, upload: str | None = None) -> Probed:
        """Ask how long a file's picture is."""
        return self._conversation.ask(Probe(path=path, upload=upload), Probed, timeout_s)

    def find_cuts(
        self, clip: Clip, timeout_s: float = CUTS_S, *, check: Callable[[], None] | None = None
    ) -> tuple[Fraction, ...]:
        """Ask where other shots begin within a clip: seconds of timeline after its start.

        Args:
            check: called often while waiting; what it raises ends that. Close the session then,
                and the server stops looking.
        """
        return self._conversation.ask(FindCuts(clip), CutsFound, timeout_s, check=check).cuts_s

    def upload(
        self,
        path: Path,
        on_progress: Callable[[int, int], None] = ignore_progress,
        check: Callable[[], None] = never_stop,
    ) -> str:
        """Send a file to a server that does not open paths; returns the name it has there.

        What is there already is not sent again, so an upload that broke off goes on.

        Args:
            path: the file.
            on_progress: called with bytes that are there, and bytes in all.
            check: called often; what it raises ends the upload.

        Raises:
            UploadFailed: it is too large, or changed meanwhile.
            FileMissing, FileUnreadable: there is none, or it cannot be read.
            ServerLost: the server stopped answering; call again when it is back.
        """
        return upload(self._conversation, path, self._upload_max_bytes, on_progress, check)
