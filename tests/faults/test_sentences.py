"""What an artist is told when something fails: what happened to what, and what to do.

Each fault is a real one, met by the real client thread of the add-on and a real server.
``python -m pytest -s`` prints the sentences.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from threading import Thread

import pytest
from artist import Artist
from coded_video import steady, write_video
from foleyline_addon import report
from stub_process import StubProcess

from foleyline_client import heartbeat
from foleyline_client.cli import main as foley
from foleyline_contract.messages import Clip, GenerateSettings

resource = pytest.importorskip("resource", reason="this system has no limits on files")

CLIP_S = 8
TAKE_BYTES = 3 * 48_000 * CLIP_S
ONE = GenerateSettings(seed=1)
pytestmark = pytest.mark.slow


@pytest.fixture
def clip(tmp_path):
    path = write_video(tmp_path / "door.mp4", steady(CLIP_S, 1), levels=[20] * CLIP_S)
    return Clip(str(path), Fraction(0), Fraction(CLIP_S))


@pytest.fixture
def serve(tmp_path):
    """Starts a server: ``serve("--job-s", "1")``."""
    processes: list[StubProcess] = []

    def start(*options: str, **process) -> StubProcess:
        processes.append(StubProcess(tmp_path / "data", *options))
        processes[-1].start(**process)
        return processes[-1]

    yield start
    for process in processes:
        process.close()


@pytest.fixture
def hire(tmp_path):
    """Has an artist work at an address."""
    artists: list[Artist] = []

    def connect(address: str) -> Artist:
        artists.append(Artist(tmp_path, address))
        return artists[-1]

    yield connect
    for artist in artists:
        artist.close()


def require(problem, code: str, *words: str) -> None:
    """One sentence with a remedy, both of which name what they have to."""
    print(f"\n{code} | {problem.message} | {problem.remedy}")
    assert problem.code == code
    assert report.advice_for(problem).text == f"{problem.message} {problem.remedy}"
    assert problem.message.endswith(".") and problem.remedy.endswith(".")
    for word in words:
        assert word in f"{problem.message} {problem.remedy}"


def told(artist: Artist, clip: Clip, settings: GenerateSettings = ONE):
    """How a job ends badly."""
    job = artist.generate(clip, settings)
    artist.until(lambda: not job.is_open)
    return job.problem


@contextmanager
def small_files() -> Iterator[None]:
    """No file of this process may grow to the size of a take, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (TAKE_BYTES // 2, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (TAKE_BYTES // 2, TAKE_BYTES // 2))


def test_the_servers_disk_is_full(serve, hire, clip, tmp_path):
    server = serve("--job-s", "0", preexec_fn=limit_files)
    problem = told(hire(server.address), clip)
    require(problem, "storage_failed", "disk", "full", str(tmp_path / "data"), "Free some space")


def test_the_servers_limit_is_reached(serve, hire, clip):
    server = serve("--job-s", "0", "--data-max-bytes", str(3 * TAKE_BYTES // 2))
    artist = hire(server.address)
    assert told(artist, clip) is None
    problem = told(artist, clip, replace(ONE, seed=2))
    require(problem, "storage_failed", "nobody has fetched", "foley jobs", "--data-max-gib")


def test_the_disk_of_the_takes_is_full(serve, hire, clip, tmp_path, capsys):
    server = serve("--job-s", "0")
    with small_files():
        problem = told(hire(server.address), clip)
        require(problem, "output_unwritable", "full", str(tmp_path / "foley"), "Free some disk")
        assert list((tmp_path / "foley").iterdir()) == []
        out = tmp_path / "out.wav"
        command = ["generate", clip.path, "--no-start", "--server", server.address]
        assert foley([*command, "--seed", "1", "-o", str(out)]) != 0
    said = capsys.readouterr().err
    assert "disk is full" in said and str(out) in said and "'foley fetch " in said


@pytest.mark.parametrize("fault", ["read-only", "a file"])
def test_the_folder_of_the_takes_cannot_be_used(serve, hire, clip, tmp_path, fault):
    folder = tmp_path / "foley"
    if fault == "a file":
        folder.write_text("mine")
    else:
        folder.mkdir(mode=0o500)
        if os.access(folder, os.W_OK):
            pytest.skip("nothing is read-only to this user")
    problem = told(hire(serve("--job-s", "0").address), clip)
    require(problem, "output_unwritable", str(folder), "cannot be written", "choose a folder")


def test_the_source_vanished(serve, hire, clip, tmp_path, capsys):
    server = serve("--job-s", "1")
    artist = hire(server.address)
    other = write_video(tmp_path / "other.mp4", steady(CLIP_S, 1), levels=[20] * CLIP_S)
    first = artist.generate(replace(clip, path=str(other)), ONE)
    second = artist.generate(clip, ONE)
    artist.until(lambda: first.fraction > 0)
    Path(clip.path).unlink()
    artist.until(lambda: not second.is_open)
    assert first.problem is None
    require(second.problem, "file_missing", "'door.mp4'", "relink")
    assert foley(["generate", clip.path, "--no-start", "--server", server.address]) != 0
    assert "'door.mp4'" in capsys.readouterr().err


@pytest.mark.parametrize("end", [StubProcess.kill, StubProcess.close])
def test_the_server_was_stopped(serve, hire, clip, monkeypatch, end):
    monkeypatch.setattr(heartbeat, "PING_INTERVAL_S", 0.1)
    monkeypatch.setattr("foleyline_addon.line.FIRST_RETRY_S", 0.1)
    server = serve("--job-s", "1")
    artist = hire(server.address)
    job = artist.generate(clip, ONE)
    artist.until(lambda: job.fraction > 0)
    end(server)
    artist.until(lambda: artist.board.problem is not None)
    require(artist.board.problem, "server_lost", "stopped answering", "Jobs go on", "start it")
    artist.until(lambda: artist.board.problem.code == "server_unreachable")
    require(artist.board.problem, "server_unreachable", server.address, "foley-server")
    server.start()
    artist.until(lambda: not job.is_open)
    assert job.problem is None and len(job.takes) == 1


def test_the_server_is_suspended(serve, hire, clip, monkeypatch):
    monkeypatch.setattr(heartbeat, "PING_INTERVAL_S", 0.1)
    monkeypatch.setattr("foleyline_addon.line.FIRST_RETRY_S", 0.1)
    server = serve("--job-s", "1")
    artist = hire(server.address)
    job = artist.generate(clip, ONE)
    artist.until(lambda: job.fraction > 0)
    server.suspend()
    artist.until(lambda: artist.board.problem is not None)
    require(artist.board.problem, "server_lost", "has not answered", "Jobs go on", "start it again")
    server.wake()
    artist.until(lambda: not job.is_open)
    assert job.problem is None


def test_there_is_no_server(hire, clip, tmp_path):
    address = StubProcess(tmp_path).address
    artist = hire(address)
    require(told(artist, clip), "server_unreachable", address, "foley-server")


@pytest.fixture
def card_server(monkeypatch, tmp_path, hire):
    """A server with real networks on what passes for a card, where any graph meets a full memory.

    Faults are put in below the session layer, as ONNX Runtime words them.
    """
    pytest.importorskip("onnx", reason="onnx writes the tests' bundles")
    from stub_server import stub_server
    from tiny_bundle import build_tiny_bundle

    from foleyline_server.media.decoders import Decoders
    from foleyline_server.runtime import session
    from foleyline_server.runtime.bundles import BundleShelf
    from foleyline_server.runtime.collector import Collector
    from foleyline_server.runtime.providers import CPU, CUDA
    from foleyline_server.service.pipeline_engine import PipelineEngine

    begin = session.GraphSession.__init__

    def full(_feed):
        raise session.LIBRARY_ERRORS[0]("Failed to allocate memory for requested buffer of size 8")

    def init(self, path, options, tuning=None, listed=()):
        begin(self, path, replace(options, providers=(CPU,)), None, listed)
        self.providers = options.providers
        if options.providers[0] != CPU:
            self._compute = full

    monkeypatch.setattr(session.GraphSession, "__init__", init)
    build_tiny_bundle(tmp_path / "bundles", name="tiny")

    @contextmanager
    def start(*, required: bool) -> Iterator[str]:
        options = session.RuntimeOptions((CUDA, CPU), 1, windows_per_batch=4, required=required)
        shelf = BundleShelf([tmp_path / "bundles"], options, "tiny")
        with Decoders() as decoders:
            engine = PipelineEngine(shelf, Collector(merges=True), decoders.pictures, 900)
            with stub_server(engine, folder=tmp_path / "data") as server:
                thread = Thread(target=server.run)
                thread.start()
                try:
                    yield server.address
                finally:
                    server.stop()
                    thread.join(20)

    return start


def test_the_card_is_full(card_server, hire, clip):
    short = replace(clip, duration_s=Fraction(1))
    with card_server(required=True) as address:
        artist = hire(address)
        require(told(artist, short), "out_of_memory", "too little memory", "--device auto")
    with card_server(required=False) as address:
        artist = hire(address)
        job = artist.generate(short, replace(ONE, seed=3))
        artist.until(lambda: not job.is_open)
        assert job.problem is None
        assert job.takes[0].provenance["device"] == "CPUExecutionProvider"
