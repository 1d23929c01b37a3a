from foleyline_contract.codec import decode
from foleyline_contract.messages import Pong
from foleyline_server.service.outbox import Outbox
from foleyline_server.service.postman import Postman, Sent


class Line:
    """What clients were sent; ``full`` and ``gone`` ones take nothing."""

    def __init__(self) -> None:
        self.outbox = Outbox(lambda: None)
        self.postman = Postman(self.outbox, self._put)
        self.full: set[bytes] = set()
        self.gone: set[bytes] = set()
        self.sent: list[tuple[bytes, int]] = []

    def post(self, client: bytes, *numbers: int) -> None:
        for number in numbers:
            self.outbox.tell(client, Pong(number), None, (b"12345",))
        for outgoing in self.outbox.take_all():
            self.postman.deliver(outgoing)

    def _put(self, client: bytes, parts: list[bytes]) -> Sent:
        if client in self.gone:
            return Sent.GONE
        if client in self.full:
            return Sent.FULL
        self.sent.append((client, decode(parts).message.jobs))
        return Sent.YES


def test_a_slow_client_gets_everything_in_order_and_holds_up_nobody() -> None:
    line = Line()
    line.full = {b"slow"}
    line.post(b"slow", 1, 2)
    line.post(b"fast", 3)
    assert line.sent == [(b"fast", 3)]
    assert line.postman.has_waiting and line.outbox.waiting_bytes(b"slow") == 10
    line.full = set()
    line.post(b"slow", 4)
    line.postman.retry()
    assert line.sent[1:] == [(b"slow", 1), (b"slow", 2), (b"slow", 4)]
    assert not line.postman.has_waiting and line.outbox.waiting_bytes(b"slow") == 0


def test_what_waited_for_a_client_that_is_gone_goes_too() -> None:
    line = Line()
    line.full = {b"a"}
    line.post(b"a", 1, 2)
    line.full, line.gone = set(), {b"a"}
    line.postman.retry()
    line.post(b"a", 3)
    assert line.sent == [] and not line.postman.has_waiting
    assert line.outbox.waiting_bytes(b"a") == 0


def test_nothing_piles_up_for_the_deaf(monkeypatch) -> None:
    monkeypatch.setattr("foleyline_server.service.postman._WAITING_MAX", 3)
    line = Line()
    line.full = {b"a"}
    line.post(b"a", 1, 2, 3, 4)
    assert not line.postman.has_waiting and line.outbox.waiting_bytes(b"a") == 0
    line.full = set()
    line.post(b"a", 5)
    assert line.sent == [(b"a", 5)]
