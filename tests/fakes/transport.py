"""A Transport without sockets: scripted answers in, recorded messages out, on its own clock."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence

from foleyline_contract.codec import Envelope, decode, encode, new_id
from foleyline_contract.version import PROTOCOL_VERSION

Answer = Callable[[Envelope], object]


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class FakeTransport:
    """``sent`` lists what the client sent; ``say`` and ``on`` are the server's side of it."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = FakeClock() if clock is None else clock
        self.sent: list[Envelope] = []
        self.closed = False
        self.is_connected = False
        self._renewed = False
        self._waiting: deque[list[bytes]] = deque()
        self._answers: dict[type, Answer] = {}

    # ---- the server's side ---------------------------------------------------------------

    def on(self, request: type, answer: Answer) -> None:
        """Answer each ``request`` with what ``answer`` makes of it; None says nothing."""
        self._answers[request] = answer

    def say(self, message, *parts: bytes, reply_to: str | None = None) -> None:
        """Send an event."""
        self._waiting.append(encode(Envelope(message, new_id(), reply_to, parts)))

    def renew(self) -> None:
        """Break the line and make it anew: what was not received yet is lost."""
        self._waiting.clear()
        self._renewed = True

    def say_raw(self, *parts: bytes) -> None:
        """Send anything at all."""
        self._waiting.append(list(parts))

    def say_header(self, **fields: object) -> None:
        """Send a header with some fields replaced."""
        header = {
            "protocol": PROTOCOL_VERSION,
            "type": "pong",
            "id": new_id(),
            "reply_to": None,
            "body": {},
        }
        self.say_raw(json.dumps(header | fields).encode())

    def requests(self, kind: type) -> list[Envelope]:
        """What was sent of one kind."""
        return [envelope for envelope in self.sent if isinstance(envelope.message, kind)]

    # ---- Transport -----------------------------------------------------------------------

    def send(self, parts: Sequence[bytes]) -> None:
        envelope = decode(parts)
        self.sent.append(envelope)
        answer = self._answers.get(type(envelope.message))
        event = None if answer is None else answer(envelope)
        if event is not None:
            self.say(event, reply_to=envelope.id)

    def receive(self, timeout_s: float) -> list[bytes] | None:
        if self._waiting:
            return self._waiting.popleft()
        self.clock.now_s += timeout_s
        return None

    def was_renewed(self) -> bool:
        renewed, self._renewed = self._renewed, False
        return renewed

    def close(self) -> None:
        self.closed = True
