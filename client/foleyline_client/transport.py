"""How wire parts reach the server: the Transport protocol and its ZeroMQ implementation.

The only module of the client that knows ZeroMQ. Nothing here reads a message.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import ceil
from typing import Protocol

import zmq

from foleyline_contract.codec import PART_MAX_BYTES
from foleyline_contract.errors import SettingInvalid, TransportError

_HANDSHAKE_MS = 5_000
_CONNECT_MS = 5_000
_RECONNECT_MS = 100
_RECONNECT_MAX_MS = 1_000
_LINGER_MS = 100
"""Lets a last Cancel leave; all that closing a line to a dead server may cost."""


class Transport(Protocol):
    """A line to one server, used by one thread."""

    def send(self, parts: Sequence[bytes]) -> None:
        """Hand parts over without waiting.

        Raises:
            TransportError: the line cannot take any more.
        """
        ...

    def receive(self, timeout_s: float) -> list[bytes] | None:
        """Return the next message's parts, or None when none came within ``timeout_s``."""
        ...

    def close(self) -> None:
        """Give the line up without waiting for answers."""
        ...


class ZmqTransport:
    """A DEALER socket.

    It connects when the server appears and again after the server went away, so opening
    it never fails for want of a server. The first thread that sends or receives owns it.

    Raises:
        SettingInvalid: ``address`` is none that can be connected to.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._owner: int | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, _LINGER_MS)
        self._socket.setsockopt(zmq.MAXMSGSIZE, PART_MAX_BYTES)
        self._socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
        self._socket.setsockopt(zmq.CONNECT_TIMEOUT, _CONNECT_MS)
        self._socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
        # Only for literal addresses: else "localhost" may become ::1, where nobody listens.
        self._socket.setsockopt(zmq.IPV6, int("[" in address))
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
            raise TransportError("The server takes no more messages.", detail=str(error)) from error

    def receive(self, timeout_s: float) -> list[bytes] | None:
        self._check_owner()
        try:
            if not self._socket.poll(max(0, ceil(timeout_s * 1000))):
                return None
            return self._socket.recv_multipart(flags=zmq.NOBLOCK)
        except zmq.ZMQError as error:
            raise TransportError("The line to the server broke.", detail=str(error)) from error

    def close(self) -> None:
        self._socket.close()
        self._context.term()

    def _check_owner(self) -> None:
        thread = threading.get_ident()
        if self._owner is None:
            self._owner = thread
        if self._owner != thread:
            raise RuntimeError("A transport is used by one thread only.")
