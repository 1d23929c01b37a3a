"""The server's socket; with keys.py the only importer of zmq. It never computes, and never waits.

Clients speak to a ROUTER socket. Other threads put their events into the outbox, which
wakes the loop through a pair of in-process sockets.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from types import TracebackType
from typing import Protocol

import zmq

from foleyline_contract.address import is_loopback
from foleyline_contract.codec import HEADER_MAX_BYTES, Envelope, decode, new_id, read_header
from foleyline_contract.errors import AddressUnavailable, MessageMalformed
from foleyline_contract.messages import Event
from foleyline_server.service.asked import Asked
from foleyline_server.service.clerk import answered, failed
from foleyline_server.service.outbox import Outbox, Outgoing
from foleyline_server.service.postman import Postman, Sent

_log = logging.getLogger(__name__)
_POLL_MS, _ENDING_POLL_MS, _RETRY_POLL_MS = 100, 10, 5
_LINGER_MS = 2000
_SEND_QUEUE_MAX = 32
"""Messages in the socket's own queue for a client; more wait with the postman, where they are
counted."""
_BATCH = 100
"""Requests answered in a row before the outbox is looked at again."""
_HEARTBEAT_MS, _HEARTBEAT_TIMEOUT_MS = 5_000, 30_000
Context = zmq.Context[zmq.Socket[bytes]]
Handle = Callable[[Asked], Event | None]


class Guarding(Protocol):
    """Who keeps strangers away from a socket; see keys.py."""

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Let only known clients speak to a socket that is not bound yet."""
        ...

    def allows(self, user_id: str) -> bool:
        """Whether a client that has connected still may speak."""
        ...

    def close(self) -> None:
        """End."""
        ...


class Router:
    """A socket at an address.

    Args:
        address: ``tcp://127.0.0.1:PORT``; port ``*`` takes a free one, see ``address``.
        guard: makes what protects the socket; None only for loopback addresses.

    Raises:
        AddressUnavailable: nobody can listen there.
    """

    def __init__(self, address: str, guard: Callable[[Context], Guarding] | None = None) -> None:
        self._context: Context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._guard = guard and guard(self._context)
        self._bind(address)
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._is_loopback = is_loopback(self.address)
        self._waker = self._context.socket(zmq.PAIR)
        self._woken = self._context.socket(zmq.PAIR)
        self._woken.bind("inproc://wake")
        self._waker.connect("inproc://wake")
        self.outbox = Outbox(self._wake)
        self._postman = Postman(self.outbox, self._put)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._woken, zmq.POLLIN)

    def turn(self, handle: Handle, *, ending: bool = False) -> None:
        """Wait a moment for requests and events; answer the ones, send the others."""
        wait_ms = _ENDING_POLL_MS if ending else _POLL_MS
        self._poller.poll(_RETRY_POLL_MS if self._postman.has_waiting else wait_ms)
        try:
            for _ in range(_BATCH):
                # Frames are only needed to look who sent them.
                frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=self._guard is None)
                self._answer(frames, handle)
        except zmq.Again:
            pass
        except Exception:  # noqa: BLE001 - one client's message must not end the others'
            _log.exception("the router met a defect")
        self.send_waiting()

    def send_waiting(self) -> None:
        """Send what other threads have posted."""
        while self._woken.poll(0):
            self._woken.recv(zmq.NOBLOCK)
        self._postman.retry()
        for outgoing in self.outbox.take_all():
            self._postman.deliver(outgoing)

    def close(self) -> None:
        """Give up the address."""
        for socket in (self._waker, self._woken, self._socket):
            socket.close(_LINGER_MS)
        if self._guard is not None:
            self._guard.close()
        self._context.term()

    def __enter__(self) -> Router:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- inside --------------------------------------------------------------------------

    def _bind(self, address: str) -> None:
        options = {
            zmq.MAXMSGSIZE: HEADER_MAX_BYTES,
            zmq.SNDHWM: _SEND_QUEUE_MAX,
            zmq.ROUTER_MANDATORY: 1,
            zmq.HEARTBEAT_IVL: _HEARTBEAT_MS,
            zmq.HEARTBEAT_TIMEOUT: _HEARTBEAT_TIMEOUT_MS,
            zmq.IPV6: int("[" in address),
        }
        for option, value in options.items():
            self._socket.setsockopt(option, value)
        try:
            if self._guard is not None:
                self._guard.protect(self._socket)
            self._socket.bind(address.replace("localhost", "127.0.0.1"))
        except zmq.ZMQError as error:
            self._socket.close(0)
            if self._guard is not None:
                self._guard.close()
            self._context.term()
            raise AddressUnavailable(
                f"The server cannot listen at {address!r}: {error.strerror}."
            ) from error

    def _wake(self) -> None:
        """Wake the loop; called under the outbox's lock, so by one thread at a time."""
        try:
            self._waker.send(b"", zmq.NOBLOCK)
        except zmq.ZMQError:
            # Full of earlier calls, or the server ends: the loop comes by anyway.
            return

    def _answer(self, frames: Sequence[bytes | zmq.Frame], handle: Handle) -> None:
        """Answer one request; what is no request is answered with Failed, or dropped."""
        client, *parts = (_content(frame) for frame in frames)
        owner, local = self._sender(frames[-1])
        if self._guard is not None and not self._guard.allows(owner):
            return
        try:
            request_id: str = read_header(parts)["id"]
        except MessageMalformed as error:
            _log.info("dropped what is no message: %s", error.message)
            self._reply(client, None, failed(error))
            return

        def handled() -> Event | None:
            envelope = decode(parts)
            asked = Asked(client, owner, local, request_id, envelope.message, envelope.parts)
            return handle(asked)

        answer = answered(handled, request_id)
        if answer is not None:
            self._reply(client, request_id, answer)

    def _sender(self, frame: bytes | zmq.Frame) -> tuple[str, bool]:
        """The sender's public key, empty where none is asked for, and whether it is local."""
        if isinstance(frame, bytes):
            return "", self._is_loopback
        return (
            _said(frame, "User-Id"),
            self._is_loopback or _is_loopback_host(_said(frame, "Peer-Address")),
        )

    def _reply(self, client: bytes, request_id: str | None, answer: Event) -> None:
        self._postman.deliver(Outgoing(client, Envelope(answer, new_id(), request_id)))

    def _put(self, client: bytes, parts: list[bytes]) -> Sent:
        try:
            self._socket.send_multipart([client, *parts], zmq.NOBLOCK)
        except zmq.Again:
            return Sent.FULL
        except zmq.ZMQError as error:
            _log.debug("a client is gone: %s", error.strerror)
            return Sent.GONE
        return Sent.YES


def _content(frame: bytes | zmq.Frame) -> bytes:
    return frame if isinstance(frame, bytes) else frame.bytes


def _said(frame: zmq.Frame, name: str) -> str:
    try:
        return str(frame.get(name))
    except zmq.ZMQError:
        return ""


def _is_loopback_host(host: str) -> bool:
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback
