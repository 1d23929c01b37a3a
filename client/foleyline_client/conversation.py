"""Requests out, events in, answers to those who wait for them, and the heartbeat.

Knows messages, not bytes on a socket (transport.py) and not what a job is (open_jobs.py).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, get_args

from foleyline_client.heartbeat import Heartbeat
from foleyline_client.transport import Transport
from foleyline_contract.codec import MESSAGE_TYPES, Envelope, decode, encode, new_id, read_header
from foleyline_contract.errors import MessageMalformed, ServerLost, error_from_wire
from foleyline_contract.messages import Event, Failed, Ping, Pong, Request

_log = logging.getLogger(__name__)
_EVENTS: tuple[type, ...] = get_args(Event)
_CHECK_S = 0.2

E = TypeVar("E", bound=Event)


class Listener(Protocol):
    """What is told of events that answer no question."""

    def hear(self, envelope: Envelope) -> Sequence[Envelope]:
        """Take note of an event; returns what of it is news for the user."""
        ...

    def hear_pong(self, pong: Pong) -> None:
        """Take note of a sign of life."""
        ...

    def resume(self) -> None:
        """Events may have been lost: ask for what is still waited for."""
        ...


class Conversation:
    """One line to one server; used by one thread."""

    def __init__(
        self, transport: Transport, clock: Callable[[], float], listener: Listener
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._listener = listener
        self._heartbeat = Heartbeat(clock)
        self._awaited: set[str] = set()
        self._news: deque[Envelope] = deque()
        self.run_id = ""
        """Of the server that answered last."""
        self.signs = 0
        """Messages that came, signs of life included."""

    @property
    def is_connected(self) -> bool:
        """Whether the line stands, however long nothing has come over it."""
        return self._transport.is_connected

    def send(
        self, request: Request, request_id: str | None = None, parts: tuple[bytes, ...] = ()
    ) -> str:
        """Send a request without waiting; returns its id, which is fresh unless one is given."""
        envelope = Envelope(request, request_id or new_id(), parts=parts)
        self._transport.send(encode(envelope))
        return envelope.id

    def expect(self, request: Request, *parts: bytes) -> None:
        """Send a request whose answer ``answer`` shall return."""
        self._awaited.add(self.send(request, parts=parts))

    def answer(
        self,
        kind: type[E],
        timeout_s: float,
        *,
        beating: bool = True,
        check: Callable[[], None] | None = None,
    ) -> E:
        """Wait for an answer to any request that was sent by ``expect``.

        Other events are kept for ``next``. ``check`` is called often; what it raises ends this.

        Raises:
            FoleyError: the server refused, as it said.
            ServerLost: it does not answer.
        """
        end = self._clock() + timeout_s
        aside: list[Envelope] = []
        try:
            while True:
                until = end
                if check is not None:
                    check()
                    until = min(end, self._clock() + _CHECK_S)
                envelope = self.next(until, beating=beating)
                if envelope is None and until < end:
                    continue
                if envelope is None:
                    raise ServerLost("The server does not answer.")
                message = envelope.message
                ours = envelope.reply_to in self._awaited
                if isinstance(message, Failed) and (ours or _names_nothing(envelope)):
                    raise error_from_wire(message.code, message.message, message.remedy)
                if ours and isinstance(message, kind):
                    self._awaited.discard(envelope.reply_to or "")
                    return message
                aside.append(envelope)
        finally:
            self.put_back(aside)

    def ask(
        self,
        request: Request,
        kind: type[E],
        timeout_s: float,
        *,
        beating: bool = True,
        check: Callable[[], None] | None = None,
    ) -> E:
        """Send a request and wait for its answer; raises as ``answer`` does."""
        try:
            self.expect(request)
            return self.answer(kind, timeout_s, beating=beating, check=check)
        finally:
            self.expect_nothing()

    def expect_nothing(self) -> None:
        """Answers that are still under way are of no interest any longer."""
        self._awaited.clear()

    def put_back(self, envelopes: Sequence[Envelope]) -> None:
        """Let ``next`` return these first, in this order."""
        self._news.extendleft(reversed(envelopes))

    def next(self, end: float, *, beating: bool = True) -> Envelope | None:
        """Return the next event, or None when none came before ``end`` by the clock.

        Raises:
            ServerLost: the server stopped answering.
            ProtocolError: it sent something that cannot be understood.
        """
        while not self._news:
            wait_s = end - self._clock()
            if beating:
                self._beat()
                wait_s = min(wait_s, self._heartbeat.due_in_s)
            parts = self._transport.receive(max(0.0, wait_s))
            renewed = self._transport.was_renewed() and bool(self.run_id)
            if renewed:
                self._listener.resume()
            if parts is not None:
                self.signs += 1
                self._heartbeat.heard()
                self._read(parts)
            if renewed and beating and self._awaited and not self._news:
                # The answer, or the question, was lost with the line.
                raise ServerLost("The line to the server was lost.")
            if self._clock() >= end:
                break
        return self._news.popleft() if self._news else None

    def begin(self, run_id: str) -> None:
        """The server has welcomed us; what was lost before is the caller's matter."""
        self.run_id = run_id
        self._heartbeat.heard()
        self._transport.was_renewed()

    def close(self) -> None:
        """Give up the line."""
        self._transport.close()

    # ---- inside --------------------------------------------------------------------------

    def _beat(self) -> None:
        if self._heartbeat.is_lost:
            self._heartbeat.heard()
            raise ServerLost("The server stopped answering.")
        if self._heartbeat.is_due:
            self.send(Ping())
            self._heartbeat.asked()

    def _read(self, parts: list[bytes]) -> None:
        name: str = read_header(parts)["type"]
        if name in MESSAGE_TYPES and not issubclass(MESSAGE_TYPES[name], _EVENTS):
            raise MessageMalformed("The server sent a request instead of an event.")
        try:
            envelope = decode(parts)
        except MessageMalformed:
            if name in MESSAGE_TYPES:
                raise
            _log.info("an event of a type this release does not know was ignored")
            return
        if isinstance(envelope.message, Pong):
            self._hear_pong(envelope.message)
        if envelope.reply_to in self._awaited:
            self._news.append(envelope)
        else:
            self._news.extend(self._listener.hear(envelope))

    def _hear_pong(self, pong: Pong) -> None:
        if pong.run_id and self.run_id and pong.run_id != self.run_id:
            _log.info("the server was started anew")
            self.run_id = pong.run_id
            self._listener.resume()
        else:
            self._listener.hear_pong(pong)


def _names_nothing(envelope: Envelope) -> bool:
    """Whether a failure does not say whose it is, so may be anybody's."""
    return envelope.reply_to is None and getattr(envelope.message, "job_id", None) is None
