"""A fake line, a fake server on a real socket, and an empty place to work in."""

from __future__ import annotations

import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest

FAKES = Path(__file__).parents[1] / "fakes"
if str(FAKES) not in sys.path:
    sys.path.append(str(FAKES))

from fake_server import FakeServer  # noqa: E402
from transport import FakeTransport  # noqa: E402

from foleyline_client.session import Session  # noqa: E402
from foleyline_contract import messages as m  # noqa: E402


@pytest.fixture
def line() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def session(line) -> Session:
    return Session(line, clock=line.clock)


@pytest.fixture
def clip() -> m.Clip:
    return m.Clip("/a.mp4", Fraction(0), Fraction(1, 100))


class ServerThread:
    """A FakeServer in a thread, which also knows how long its one clip is."""

    def __init__(self, job_s: float = 0.0, fail: str | None = None) -> None:
        self.server = _ProbingServer("tcp://127.0.0.1:*", job_s, fail)
        self.address = self.server.address
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending.is_set() and not self.server.stopped:
            self.server.turn()
        self.server.hang_up()

    def end(self) -> None:
        self._ending.set()
        self._thread.join(10)


class _ProbingServer(FakeServer):
    asked: list

    def _answer(self, peer, envelope) -> None:
        self.__dict__.setdefault("asked", []).append(envelope.message)
        if isinstance(envelope.message, m.Probe):
            probed = m.Probed(Fraction(5, 4), Fraction(24), 640, 360, False)
            self._send(peer, probed, envelope.id)
            return
        super()._answer(peer, envelope)

    def turn(self) -> None:
        super().turn()
        while self._jobs and time.monotonic() >= self._next_s:
            self._work()

    def hang_up(self) -> None:
        self._socket.close(500)


@pytest.fixture
def start_server():
    """Starts fake servers, and ends them."""
    servers = []

    def start(**options) -> ServerThread:
        servers.append(ServerThread(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.end()
