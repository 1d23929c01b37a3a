"""A client in the raw, for tests of the server's side of the wire."""

from __future__ import annotations

import zmq

from foleyline_contract.codec import Envelope, decode, encode, new_id

_WAIT_MS = 10_000


class Caller:
    """A client in the raw: a DEALER socket that speaks envelopes, or bytes."""

    def __init__(self, address: str) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(address)

    def send(self, message) -> str:
        message_id = new_id()
        self.socket.send_multipart(encode(Envelope(message, message_id)))
        return message_id

    def send_raw(self, *parts: bytes) -> None:
        self.socket.send_multipart(parts)

    def receive(self, wait_ms: int = _WAIT_MS) -> Envelope:
        assert self.socket.poll(wait_ms), "the server does not answer"
        return decode(self.socket.recv_multipart())

    def hears_nothing(self, wait_ms: int = 150) -> bool:
        return not self.socket.poll(wait_ms)

    def ask(self, message) -> Envelope:
        """Send, and return the first answer to it; other events are thrown away."""
        message_id = self.send(message)
        while (envelope := self.receive()).reply_to != message_id:
            pass
        return envelope

    def until(self, kind: type, job_id: str | None = None) -> list[Envelope]:
        """Everything up to and including the first ``kind``."""
        heard = []
        while True:
            heard.append(self.receive())
            if isinstance(heard[-1].message, kind) and job_id in (None, heard[-1].reply_to):
                return heard

    def close(self) -> None:
        self.socket.close(0)
        self._context.term()
