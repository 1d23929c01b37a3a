"""A session with one server: jobs and their events; questions.py has the rest.

Knows messages, not bytes on a socket (transport.py) and not processes (launcher.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

from foleyline_client.conversation import Conversation
from foleyline_client.heartbeat import PING_INTERVAL_S
from foleyline_client.job_follower import JobFollower
from foleyline_client.questions import ANSWER_S, Questions
from foleyline_client.transport import Transport
from foleyline_contract.codec import Envelope
from foleyline_contract.errors import (
    Cancelled,
    ProtocolMismatch,
    ServerLost,
    ServerUnreachable,
    error_from_wire,
)
from foleyline_contract.messages import (
    Clip,
    Failed,
    Generate,
    GenerateSettings,
    Hello,
    JobCancelled,
    JobFinished,
    Origin,
    Welcome,
)
from foleyline_contract.version import PACKAGE_VERSION, PROTOCOL_VERSION


class Session(Questions):
    """One client's conversation with one server; used by one thread.

    Two ways to listen: ``poll`` for programs with a loop of their own, ``events`` to wait for
    one job. Both keep the heartbeat going.

    Jobs outlive the line and the server. A session that lost its server keeps its open jobs
    and asks for them again as soon as the server is back, whether ``hello`` is called or
    ``poll`` just goes on; each take is returned once.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        client: str = f"foley {PACKAGE_VERSION}",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._clock = clock
        self._jobs = JobFollower(lambda request, name: self._conversation.send(request, name))
        super().__init__(Conversation(transport, clock, self._jobs))

    @property
    def open_jobs(self) -> frozenset[str]:
        """Jobs submitted or attached here whose end has not been heard of."""
        return self._jobs.ids

    @property
    def is_connected(self) -> bool:
        """Whether the line stands, however long nothing has come over it.

        After ServerLost, it tells a server that is slow or held up from one that is gone.
        """
        return self._conversation.is_connected

    @property
    def signs(self) -> int:
        """Messages that came so far, signs of life included."""
        return self._conversation.signs

    @property
    def resumptions(self) -> int:
        """How often open jobs were asked for again, because something was lost."""
        return self._jobs.resumptions

    # ---- the line ------------------------------------------------------------------------

    def hello(self, timeout_s: float = ANSWER_S) -> Welcome:
        """Open the conversation; called again after the server was lost, it resumes open jobs.

        Raises:
            ServerUnreachable: nothing answered within ``timeout_s``.
            ProtocolMismatch: the server is of another release.
        """
        hello = Hello(client=self._client)
        try:
            welcome = self._conversation.ask(hello, Welcome, timeout_s, beating=False)
        except ServerLost as error:
            raise ServerUnreachable("No Foleyline server answers.") from error
        if welcome.protocol_version != PROTOCOL_VERSION:
            raise ProtocolMismatch(
                f"The server speaks protocol {welcome.protocol_version}, "
                f"this program {PROTOCOL_VERSION}."
            )
        self._upload_max_bytes = welcome.upload_max_bytes
        self._conversation.begin(welcome.run_id)
        self._jobs.resume()
        return welcome

    # ---- jobs ------------------------------------------------------------------------------

    def submit(
        self,
        clip: Clip,
        settings: GenerateSettings,
        origin: Origin = Origin(),  # noqa: B008 - frozen
        *,
        batch: bool = False,
        job_id: str | None = None,
    ) -> str:
        """Queue a job without waiting for the answer; returns its id.

        A ``job_id`` of one's own can be written down before the job is on its way.
        """
        return self._jobs.submit(Generate(clip, settings, origin, batch), job_id)

    def attach(self, job_ids: Iterable[str]) -> None:
        """Hear of jobs that were submitted elsewhere or earlier, from their first take on.

        Returns at once. A job that the server does not know ends with Failed (server_lost).
        """
        self._jobs.attach(job_ids)

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a job without waiting; JobCancelled follows if it still ran."""
        self._jobs.cancel(job_id)

    def acknowledge(self, job_ids: Iterable[str]) -> None:
        """Say that the takes of ended jobs are where they belong; returns at once."""
        self._jobs.acknowledge(job_ids)

    # ---- events ----------------------------------------------------------------------------

    def poll(self, timeout_s: float = 0.0) -> Envelope | None:
        """Return the next event, or None when none came within ``timeout_s``.

        Failed, JobCancelled and the rest are returned as they are.

        Raises:
            ServerLost: the server stopped answering. Open jobs are kept: go on polling.
            ProtocolError: the server sent something that cannot be understood.
        """
        return self._conversation.next(self._clock() + timeout_s)

    def events(self, job_id: str) -> Iterator[Envelope]:
        """Yield a job's events until its JobFinished, which is the last one yielded.

        Events of other jobs are kept for ``poll``. After ServerLost it may be called again.

        Raises:
            Cancelled: the job was cancelled.
            FoleyError: the job failed, as the server said.
            ServerLost: as ``poll`` says.
        """
        while True:
            envelope = self._next_of(job_id)
            message = envelope.message
            if isinstance(message, Failed):
                raise error_from_wire(message.code, message.message, message.remedy)
            if isinstance(message, JobCancelled):
                raise Cancelled("Cancelled.")
            yield envelope
            if isinstance(message, JobFinished):
                return

    def close(self) -> None:
        """Give up the line; open jobs go on at the server."""
        self._conversation.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _next_of(self, job_id: str) -> Envelope:
        aside: list[Envelope] = []
        try:
            while True:
                envelope = self._conversation.next(self._clock() + PING_INTERVAL_S)
                if envelope is not None and _belongs(envelope, job_id):
                    return envelope
                if envelope is not None:
                    aside.append(envelope)
        finally:
            self._conversation.put_back(aside)


def _belongs(envelope: Envelope, job_id: str) -> bool:
    """Whether an event is a job's; a Failed that names none may be anybody's."""
    named: str | None = getattr(envelope.message, "job_id", None) or envelope.reply_to
    return named == job_id or (named is None and isinstance(envelope.message, Failed))
