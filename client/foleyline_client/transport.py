"""How wire parts reach the server: the Transport protocol and its ZeroMQ implementation.

The only module of the client that knows ZeroMQ. Nothing here reads a message.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from math import ceil
from typing import Protocol

import zmq
from zmq.utils.monitor import recv_monitor_message

from foleyline_contract.client_key import SUFFIX, ClientKey
from foleyline_contract.codec import PART_MAX_BYTES
from foleyline_contract.errors import ServerUnreachable, SettingInvalid, TransportError

_HANDSHAKE_MS = 5_000
_CONNECT_MS = 5_000
_RECONNECT_MS = 100
_RECONNECT_MAX_MS = 1_000
_LINGER_MS = 100
"""Lets a last Cancel leave; all that closing a line to a dead server may cost."""
_UNREACHABLE_MS = 30_000
"""A machine that acknowledges nothing for so long is gone, and so is the line to it."""
_SEND_QUEUE_MAX = 100_000
"""Requests kept for a server that is away: a whole edit's jobs, and more."""
_HANG_UPS = 3
"""A server with keys may hang up on a client without one before that has read why."""
_WATCHED = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_DISCONNECTED
)


class Transport(Protocol):
    """A line to one server, used by one thread."""

    def send(self, parts: Sequence[bytes]) -> None:
        """Hand parts over without waiting.

        Raises:
            TransportError: the line cannot take any more.
        """
        ...

    def receive(self, timeout_s: float) -> list[bytes] | None:
        """Return the next message's parts, or None when none came within ``timeout_s``.

        None comes at once when the line was made anew.

        Raises:
            TransportError: nothing will ever come.
        """
        ...

    def was_renewed(self) -> bool:
        """Whether the line broke and was made anew since the last call.

        What the other side sent meanwhile is lost.
        """
        ...

    @property
    def is_connected(self) -> bool:
        """Whether the line stands, as far as the system can tell."""
        ...

    def close(self) -> None:
        """Give the line up without waiting for answers."""
        ...


class ZmqTransport:
    """A DEALER socket.

    It connects when the server appears and again after the server went away, so opening
    it never fails for want of a server. The first thread that sends or receives owns it.

    Args:
        address: the server's.
        key: for a server on another machine; the line is then encrypted both ways, and only
            the server that the key is for can read it.

    Raises:
        SettingInvalid: ``address`` is none that can be connected to.
    """

    def __init__(self, address: str, key: ClientKey | None = None) -> None:
        self.address = address
        self.was_refused = False
        """Whether the server would not have us: it asks for a key, or does not know ours."""
        self._key = key
        self._connections = self._told = self._hung_up = 0
        self._connected = False
        self._owner: int | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, _LINGER_MS)
        self._socket.setsockopt(zmq.SNDHWM, _SEND_QUEUE_MAX)
        self._socket.setsockopt(zmq.MAXMSGSIZE, PART_MAX_BYTES)
        self._socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
        self._socket.setsockopt(zmq.CONNECT_TIMEOUT, _CONNECT_MS)
        self._socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
        self._socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
        self._socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, _UNREACHABLE_MS // 1000)
        self._socket.setsockopt(zmq.TCP_MAXRT, _UNREACHABLE_MS)
        # Only for literal addresses: else "localhost" may become ::1, where nobody listens.
        self._socket.setsockopt(zmq.IPV6, int("[" in address))
        if key is not None:
            self._socket.setsockopt_string(zmq.CURVE_SERVERKEY, key.server)
            self._socket.setsockopt_string(zmq.CURVE_PUBLICKEY, key.public)
            self._socket.setsockopt_string(zmq.CURVE_SECRETKEY, key.secret)
        self._monitor = self._socket.get_monitor_socket(_WATCHED)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        try:
            self._socket.connect(address)
        except (zmq.ZMQError, UnicodeError) as error:
            self.close()
            raise SettingInvalid(
                f"{address!r} is no server address.",
                remedy="Write it like tcp://127.0.0.1:19347.",
                detail=str(error),
            ) from error

    def send(self, parts: Sequence[bytes]) -> None:
        self._check_owner()
        try:
            self._socket.send_multipart(parts, flags=zmq.NOBLOCK)
        except zmq.ZMQError as error:
            self._watch()
            if self.was_refused:
                raise self._refusal() from error
            raise TransportError("The server takes no more messages.", detail=str(error)) from error

    def receive(self, timeout_s: float) -> list[bytes] | None:
        self._check_owner()
        end = time.monotonic() + timeout_s
        try:
            while True:
                wait_ms = max(0, ceil((end - time.monotonic()) * 1000))
                ready = dict(self._poller.poll(wait_ms))
                if self._monitor in ready:
                    self._watch()
                if self._socket in ready:
                    return self._socket.recv_multipart(flags=zmq.NOBLOCK)
                if self.was_refused:
                    raise self._refusal()
                if not ready or self._is_new:
                    return None
        except zmq.ZMQError as error:
            raise TransportError("The line to the server broke.", detail=str(error)) from error

    def was_renewed(self) -> bool:
        self._watch()
        renewed, self._told = self._is_new, self._connections
        return renewed

    @property
    def is_connected(self) -> bool:
        self._watch()
        return self._connected

    def close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close()
        self._context.term()

    @property
    def _is_new(self) -> bool:
        return self._connections > max(self._told, 1)

    def _watch(self) -> None:
        while self._monitor.poll(0):
            said = recv_monitor_message(self._monitor)
            if said["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._connections += 1
                self._connected = True
                self._hung_up = 0
            elif said["event"] == zmq.EVENT_DISCONNECTED:
                self._connected = False
            elif said["event"] == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                self._hung_up += self._key is None
                self.was_refused |= self._hung_up >= _HANG_UPS
            elif (
                said["event"] == zmq.EVENT_HANDSHAKE_FAILED_AUTH
                or said["value"] == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
            ):
                self.was_refused = True

    def _refusal(self) -> ServerUnreachable:
        """ZeroMQ does not try again after one, so a new transport is needed."""
        if self._key is None:
            return ServerUnreachable(
                f"The server at {self.address} answers only clients with a key.",
                remedy=f"Name the {SUFFIX} file that belongs to it with --key FILE or in the "
                "preferences.",
            )
        return ServerUnreachable(
            f"The server at {self.address} does not accept the key {self._key.name!r}.",
            remedy="Ask whoever runs it whether the key is still in its list of keys.",
        )

    def _check_owner(self) -> None:
        thread = threading.get_ident()
        if self._owner is None:
            self._owner = thread
        if self._owner != thread:
            raise RuntimeError("A transport is used by one thread only.")
