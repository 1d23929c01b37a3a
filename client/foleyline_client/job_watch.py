"""Waiting for a job to its end, over lost lines and servers that are started anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from foleyline_client import launcher
from foleyline_client.progress_line import ProgressLine
from foleyline_client.session import Session
from foleyline_contract.codec import Envelope
from foleyline_contract.errors import FoleyError, ServerLost, ServerUnreachable

RETURN_S = 120.0
"""Wait for a server that is somebody else's to start."""
_HELLO_S = 5.0
_CANCEL_S = 3.0


class JobWatch:
    """Listens to jobs; says it in one line when the server was away.

    Args:
        session: where the jobs are open.
        bring_back: makes the session's server answer again, or raises.
        line: for what has to be told.
    """

    def __init__(
        self, session: Session, bring_back: Callable[[Session], None], line: ProgressLine
    ) -> None:
        self._session = session
        self._bring_back = bring_back
        self._line = line

    def events(self, job_id: str) -> Iterator[Envelope]:
        """A job's events to its end, as ``Session.events`` has them.

        Raises:
            FoleyError: the job ended otherwise, or the server does not come back.
        """
        resumptions = self._session.resumptions
        slow = False
        while True:
            try:
                for envelope in self._session.events(job_id):
                    if self._session.resumptions > resumptions:
                        resumptions = self._session.resumptions
                        self._line.say("The line to the server was lost. The job goes on.")
                    yield envelope
                return
            except ServerLost:
                if job_id not in self._session.open_jobs:
                    raise  # the server is there and does not know the job
            if self._session.is_connected:
                # A long take may be coming in slowly.
                if not slow:
                    self._line.say("The server has not answered for a while. Still waiting.")
                slow = True
                continue
            self._line.say("The server stopped answering. The job goes on when it is back.")
            self._bring_back(self._session)
            resumptions = self._session.resumptions

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end and wait a moment for it; its takes so far are given up."""
        try:
            self._session.cancel(job_id)
            end = time.monotonic() + _CANCEL_S
            while job_id in self._session.open_jobs and time.monotonic() < end:
                self._session.poll(0.1)
        except FoleyError:
            return  # a lost server needs no cancelling


def start_again(
    address: str, command: list[str] | None, line: ProgressLine
) -> Callable[[Session], None]:
    """For servers on this machine: start one."""

    def bring_back(session: Session) -> None:
        launcher.start_for(session, address, command=command, on_status=line.note)

    return bring_back


def wait_again(address: str, line: ProgressLine) -> Callable[[Session], None]:
    """For servers elsewhere: wait for it."""

    def bring_back(session: Session) -> None:
        end = time.monotonic() + RETURN_S
        while True:
            line.note(f"Waiting for the server at {address}…")
            try:
                session.hello(_HELLO_S)
                return
            except (ServerUnreachable, ServerLost) as error:
                if time.monotonic() >= end:
                    raise ServerUnreachable(
                        f"The server at {address} did not come back.",
                        remedy="Its jobs go on when it does: 'foley jobs' lists them, "
                        "'foley fetch' gets their takes.",
                    ) from error

    return bring_back
