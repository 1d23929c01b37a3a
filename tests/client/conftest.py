"""A fake line, a server with a stub engine on a real socket, a film."""

from __future__ import annotations

import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

FAKES = Path(__file__).parents[1] / "fakes"
if str(FAKES) not in sys.path:
    sys.path.append(str(FAKES))

from stub_engine import StubEngine  # noqa: E402
from stub_server import end, stub_server  # noqa: E402
from transport import FakeTransport  # noqa: E402

from foleyline_client.session import Session  # noqa: E402
from foleyline_client.transport import ZmqTransport  # noqa: E402
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
    """The real server with the stub engine, in a thread."""

    def __init__(self, job_s: float = 0.0, fail: str | None = None, **options) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(StubEngine(job_s, fail), options))
        self._thread.start()
        assert self._ready.wait(20)

    def _run(self, engine: StubEngine, options: dict) -> None:
        with stub_server(engine, **options) as self._server:
            self.address = self._server.address
            self._ready.set()
            self._server.run()

    def jobs(self) -> tuple[m.JobInfo, ...]:
        """All its jobs."""
        with Session(ZmqTransport(self.address)) as session:
            return session.all_jobs()

    def end(self) -> None:
        end(self._server)
        self._thread.join(20)


@pytest.fixture
def start_server():
    """Starts servers, and ends them."""
    servers = []

    def start(**options) -> ServerThread:
        servers.append(ServerThread(**options))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """A movie of 5/4 s."""
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 8 * number, np.uint8), "rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
