"""The conversation with a server: hello, requests, the stream of events, its heartbeat.

Knows messages, not bytes on a socket (transport.py) and not processes (launcher.py).
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeVar, get_args

from foleyline_client.heartbeat import PING_INTERVAL_S, Heartbeat
from foleyline_client.open_jobs import OpenJobs
from foleyline_client.transport import Transport
from foleyline_contract.codec import MESSAGE_TYPES, Envelope, decode, encode, new_id, read_header
from foleyline_contract.errors import (
    Cancelled,
    MessageMalformed,
    ProtocolMismatch,
    ServerLost,
    ServerUnreachable,
    error_from_wire,
)
from foleyline_contract.messages import (
    Cancel,
    Clip,
    Event,
    Failed,
    Generate,
    GenerateSettings,
    Goodbye,
    Hello,
    JobCancelled,
    JobFinished,
    Ping,
    Pong,
    Probe,
    Probed,
    Request,
    Shutdown,
    TakeFinished,
    Welcome,
)
from foleyline_contract.specs import TAKE_SAMPLE_BYTES
from foleyline_contract.version import PACKAGE_VERSION, PROTOCOL_VERSION

_log = logging.getLogger(__name__)
_EVENTS: tuple[type, ...] = get_args(Event)

ANSWER_S = 5.0
"""Wait for an answer that the router gives at once (within 100 ms by DESIGN.md)."""
SHUTDOWN_S = 15.0
"""Wait for Goodbye: the running job first stops at its next step."""
PROBE_S = 60.0
"""Wait for a probe, which may have to wake a network drive."""

E = TypeVar("E", bound=Event)


class Session:
    """One client's conversation with one server; used by one thread.

    Two ways to listen: ``poll`` for programs with a loop of their own, ``events`` for
    programs that wait for one job. Both keep the heartbeat going.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        client: str = f"foley {PACKAGE_VERSION}",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._client = client
        self._clock = clock
        self._heartbeat = Heartbeat(clock)
        self._inbox: deque[Envelope] = deque()
        self._run_id = ""
        self._jobs = OpenJobs()

    @property
    def open_jobs(self) -> frozenset[str]:
        """Jobs submitted here whose end has not been heard of."""
        return self._jobs.ids

    def hello(self, timeout_s: float = ANSWER_S) -> Welcome:
        """Open the conversation; may be called again after the server was lost.

        Raises:
            ServerUnreachable: nothing answered within ``timeout_s``.
            ProtocolMismatch: the server is of another release.
        """
        self._run_id = ""
        try:
            welcome = self._ask(Hello(client=self._client), Welcome, timeout_s)
        except ServerLost as error:
            raise ServerUnreachable("No Foleyline server answers.") from error
        if welcome.protocol_version != PROTOCOL_VERSION:
            raise ProtocolMismatch(
                f"The server speaks protocol {welcome.protocol_version}, "
                f"this program {PROTOCOL_VERSION}."
            )
        self._run_id = welcome.run_id
        self._heartbeat.heard()
        return welcome

    def submit(self, clip: Clip, settings: GenerateSettings) -> str:
        """Queue a job without waiting for the answer; returns its id."""
        job_id = self._send(Generate(clip=clip, settings=settings))
        self._jobs.add(job_id, clip.sample_count)
        return job_id

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a job without waiting; JobCancelled follows if it still ran."""
        self._send(Cancel(job_id=job_id))

    def probe(self, path: str, timeout_s: float = PROBE_S) -> Probed:
        """Ask how long a file's picture is, and wait for the answer.

        Raises:
            FoleyError: the file cannot be used, or the server does not answer.
        """
        return self._ask(Probe(path=path), Probed, timeout_s, beating=True)

    def ping(self, timeout_s: float = ANSWER_S) -> Pong:
        """Ask for a sign of life, and wait for it.

        Raises:
            ServerLost: none came within ``timeout_s``, or the server was started anew.
        """
        return self._ask(Ping(), Pong, timeout_s)

    def shutdown(self, *, only_if_idle: bool = False, timeout_s: float = SHUTDOWN_S) -> None:
        """Ask the server to end, and wait until it says that it does.

        Raises:
            ServerBusy: it has jobs, and ``only_if_idle`` was asked for.
            ServerLost: it did not answer.
        """
        self._ask(Shutdown(only_if_idle=only_if_idle), Goodbye, timeout_s)

    def poll(self, timeout_s: float = 0.0) -> Envelope | None:
        """Return the next event, or None when none came within ``timeout_s``.

        Failed, JobCancelled and the rest are returned as they are.

        Raises:
            ServerLost: the server stopped answering, was started anew or does not know an
                open job; open jobs are forgotten, and ``hello`` may be tried again.
            ProtocolError: the server sent something that cannot be understood.
        """
        if self._inbox:
            return self._inbox.popleft()
        return self._next(self._clock() + timeout_s)

    def events(self, job_id: str) -> Iterator[Envelope]:
        """Yield a job's events until its JobFinished, which is the last one yielded.

        Events of other jobs are kept for ``poll``.

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
        """Give up the line to the server; what becomes of open jobs is the server's matter."""
        self._transport.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- inside --------------------------------------------------------------------------

    def _send(self, request: Request) -> str:
        envelope = Envelope(request, new_id())
        self._transport.send(encode(envelope))
        return envelope.id

    def _ask(
        self, request: Request, kind: type[E], timeout_s: float, *, beating: bool = False
    ) -> E:
        request_id = self._send(request)
        end = self._clock() + timeout_s
        while True:
            envelope = self._next(end, answer_to=request_id, beating=beating)
            if envelope is None:
                raise ServerLost("The server does not answer.")
            message = envelope.message
            if isinstance(message, Failed) and _may_answer(envelope, request_id):
                raise error_from_wire(message.code, message.message, message.remedy)
            if isinstance(message, kind) and envelope.reply_to == request_id:
                return message
            self._inbox.append(envelope)

    def _next_of(self, job_id: str) -> Envelope:
        for envelope in self._inbox:
            if _may_answer(envelope, job_id):
                self._inbox.remove(envelope)
                return envelope
        while True:
            envelope = self._next(self._clock() + PING_INTERVAL_S)
            if envelope is not None and _may_answer(envelope, job_id):
                return envelope
            if envelope is not None:
                self._inbox.append(envelope)

    def _next(self, end: float, *, answer_to: str = "", beating: bool = True) -> Envelope | None:
        """Return the next event that comes before ``end`` and is of interest."""
        while True:
            wait_s = end - self._clock()
            if beating:
                self._beat()
                wait_s = min(wait_s, self._heartbeat.due_in_s)
            parts = self._transport.receive(max(0.0, wait_s))
            if parts is not None:
                self._heartbeat.heard()
                envelope = self._read(parts, answer_to)
                if envelope is not None:
                    return envelope
            if self._clock() >= end:
                return None

    def _beat(self) -> None:
        if self._heartbeat.is_lost:
            self._lose("The server stopped answering.")
        if self._heartbeat.is_due:
            self._send(Ping())
            self._heartbeat.asked()

    def _lose(self, message: str, remedy: str | None = None) -> None:
        self._jobs.clear()
        self._run_id = ""
        self._heartbeat.heard()
        raise ServerLost(message, remedy=remedy)

    def _read(self, parts: list[bytes], answer_to: str) -> Envelope | None:
        name: str = read_header(parts)["type"]
        if name in MESSAGE_TYPES and not issubclass(MESSAGE_TYPES[name], _EVENTS):
            raise MessageMalformed("The server sent a request instead of an event.")
        try:
            envelope = decode(parts)
        except MessageMalformed:
            if name in MESSAGE_TYPES:
                raise
            _log.info("an event of a type this release does not know was ignored")
            return None
        message = envelope.message
        if isinstance(message, Pong) and self._run_id and message.run_id not in ("", self._run_id):
            self._lose("The server was started anew and may not know this job.")
        if isinstance(message, Pong) and self._jobs.are_unknown_to(message):
            self._lose("The server does not know this job any longer.", "Generate once more.")
        if isinstance(message, Welcome | Probed | Pong) and envelope.reply_to != answer_to:
            return None  # a heartbeat, or an answer that nobody waits for any longer
        self._follow(envelope)
        return envelope

    def _follow(self, envelope: Envelope) -> None:
        """Check a take's sound, and forget jobs that end."""
        message = envelope.message
        if isinstance(message, TakeFinished):
            expected = self._jobs.sample_count(message.job_id)
            expected = message.sample_count if expected is None else expected
            sizes = [len(part) for part in envelope.parts]
            if message.sample_count != expected or sizes != [expected * TAKE_SAMPLE_BYTES]:
                raise MessageMalformed("The server sent a take of the wrong length.")
        self._jobs.follow(envelope)


def _may_answer(envelope: Envelope, request_id: str) -> bool:
    """Whether an event belongs to a request; a Failed that names none belongs to any."""
    job_id: str | None = getattr(envelope.message, "job_id", None)
    named = job_id or envelope.reply_to
    return named == request_id or (named is None and isinstance(envelope.message, Failed))
