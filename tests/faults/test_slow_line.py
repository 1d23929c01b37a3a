"""Takes over lines that are slow, late or cut again and again."""

from __future__ import annotations

import time
from contextlib import suppress
from fractions import Fraction

import pytest
from artist import Artist
from coded_video import steady, write_video
from slow_line import SlowLine
from stub_process import StubProcess

from foleyline_client import heartbeat
from foleyline_client.session import Session
from foleyline_client.transport import ZmqTransport
from foleyline_contract.errors import ServerLost
from foleyline_contract.messages import Clip, GenerateSettings, JobFinished, TakeFinished

CLIP_S = 16
pytestmark = pytest.mark.slow


@pytest.fixture
def clip(tmp_path):
    path = write_video(tmp_path / "shot.mp4", steady(CLIP_S, 1), levels=[20] * CLIP_S)
    return Clip(str(path), Fraction(0), Fraction(CLIP_S))


@pytest.fixture
def server(tmp_path):
    process = StubProcess(tmp_path / "data", "--job-s", "0.2")
    process.start()
    yield process
    process.close()


def takes_of(session: Session, job: str, limit_s: float, between=lambda: None) -> list[int]:
    """The job's takes, in the order in which they came."""
    takes, end_s = [], time.monotonic() + limit_s
    while time.monotonic() < end_s:
        between()
        envelope = None
        with suppress(ServerLost):
            envelope = session.poll(0.2)
        if envelope is not None and isinstance(envelope.message, TakeFinished):
            takes.append(envelope.message.take)
        if envelope is not None and isinstance(envelope.message, JobFinished):
            return takes
    raise AssertionError(f"the job did not end; takes: {takes}")


@pytest.mark.parametrize("bytes_per_s", [4_000_000, 120_000])
@pytest.mark.timeout(180)
def test_a_slow_line_delivers(server, clip, bytes_per_s):
    line = SlowLine(server.address, bytes_per_s, delay_s=0.001)
    try:
        with Session(ZmqTransport(line.address)) as session:
            session.hello()
            job = session.submit(clip, GenerateSettings(seed=1, takes=2))
            assert takes_of(session, job, 120.0) == [0, 1]
    finally:
        line.close()


@pytest.mark.timeout(120)
def test_a_line_that_is_cut_delivers_once(server, clip):
    line = SlowLine(server.address, 3_000_000)
    cuts = iter([True] * 4)
    next_s = [time.monotonic() + 0.3]

    def cut() -> None:
        if time.monotonic() > next_s[0] and next(cuts, False):
            next_s[0] = time.monotonic() + 0.5
            line.cut()

    try:
        with Session(ZmqTransport(line.address)) as session:
            session.hello()
            job = session.submit(clip, GenerateSettings(seed=1, takes=3))
            assert takes_of(session, job, 60.0, cut) == [0, 1, 2]
    finally:
        line.close()


@pytest.fixture
def impatient(monkeypatch):
    """Signs of life are asked for twenty times as often."""
    monkeypatch.setattr(heartbeat, "PING_INTERVAL_S", 0.1)
    monkeypatch.setattr("foleyline_addon.bridge.LOAD_EVERY_S", 0.2)
    monkeypatch.setattr("foleyline_addon.bridge.LOAD_ANSWER_S", 0.1)


@pytest.mark.timeout(120)
def test_a_long_take_over_a_slow_line_is_not_begun_again(server, clip, tmp_path, impatient):
    line = SlowLine(server.address, 1_200_000)
    artist = Artist(tmp_path, line.address)
    try:
        job = artist.generate(clip, GenerateSettings(seed=1, takes=2))
        artist.until(lambda: not job.is_open)
        assert job.problem is None and len(job.takes) == 2
        assert "Server Is Not Answering…" in artist.links
        artist.until(lambda: artist.links[-1].startswith("Ready"))
        assert line.connections == 1
    finally:
        artist.close()
        line.close()


@pytest.mark.timeout(120)
def test_a_server_that_is_held_up_goes_on_when_it_can(server, clip, tmp_path, impatient):
    artist = Artist(tmp_path, server.address)
    try:
        artist.until(lambda: artist.links[-1:] == ["Ready: mini on CPU"])
        server.suspend()
        job = artist.generate(clip, GenerateSettings(seed=1))
        artist.until(lambda: artist.links[-1] == "Server Is Not Answering…")
        problem = artist.board.problem
        assert problem.code == "server_lost" and "as soon as it does" in problem.remedy
        server.wake()
        artist.until(lambda: not job.is_open)
        assert job.problem is None and len(job.takes) == 1
    finally:
        server.wake()
        artist.close()
