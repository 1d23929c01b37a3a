"""Fixtures of the server's tests: tiny bundles, coded videos, a running server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from foleyline_server.media.decoders import Decoders
from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.runtime.collector import Collector
from foleyline_server.runtime.session import RuntimeOptions
from foleyline_server.service.engine import Engine
from foleyline_server.service.pipeline_engine import PipelineEngine
from foleyline_server.service.server import Limits, Server
from foleyline_server.store.store import Store

sys.path.insert(0, str(Path(__file__).parent / "fakes"))
sys.path.append(str(Path(__file__).parents[1] / "fakes"))
LIMITS = Limits(stored_max_bytes=1 << 30, upload_max_bytes=1 << 24)

CPU = RuntimeOptions(("CPUExecutionProvider",), threads=1)


@contextmanager
def serving(
    engine: Engine, folder: Path, decoders: Decoders, limits: Limits = LIMITS
) -> Iterator[SimpleNamespace]:
    """A server on a free port with a store in ``folder``; ``call`` opens a client."""
    from raw_caller import Caller
    from stub_server import end

    callers: list[Caller] = []
    with (
        closing(Store(folder, limits.stored_max_bytes)) as store,
        Server("tcp://127.0.0.1:*", engine, store, decoders, limits) as running,
    ):
        thread = Thread(target=running.run, name="server", daemon=True)
        thread.start()

        def call() -> Caller:
            callers.append(Caller(running.address))
            return callers[-1]

        try:
            yield SimpleNamespace(
                server=running, call=call, thread=thread, store=store, engine=engine
            )
        finally:
            end(running)
            thread.join(20)
            for caller in callers:
                caller.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def decoders() -> Iterator[Decoders]:
    with Decoders() as shared:
        shared.warm()
        yield shared


@pytest.fixture
def engine_of(decoders: Decoders) -> Callable[..., PipelineEngine]:
    """Makes an engine of a shelf."""

    def make(shelf: BundleShelf, idle_s: float = 900) -> PipelineEngine:
        merges = shelf.options.windows_per_batch > 1
        return PipelineEngine(shelf, Collector(merges), decoders.pictures, idle_s)

    return make


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bundles ``tiny`` and ``busy``."""
    pytest.importorskip("onnx", reason="onnx writes the tests' bundles")
    from tiny_bundle import build_tiny_bundle

    folder = tmp_path_factory.mktemp("bundles")
    build_tiny_bundle(folder, name="tiny")
    build_tiny_bundle(folder, name="busy", busy=True)
    return folder


@pytest.fixture(scope="session")
def askable_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bundle ``askable``, which has a palette, and ``plain``, which has none."""
    pytest.importorskip("onnx", reason="onnx writes the tests' bundles")
    from tiny_bundle import ASKABLE, build_tiny_bundle

    folder = tmp_path_factory.mktemp("askable")
    build_tiny_bundle(folder, name="askable", model=ASKABLE)
    build_tiny_bundle(folder, name="plain")
    return folder


@pytest.fixture
def askable_shelf(askable_folder: Path) -> BundleShelf:
    return BundleShelf([askable_folder], CPU, "askable")


@pytest.fixture
def askable(askable_shelf: BundleShelf):
    """The loaded bundle ``askable``."""
    return askable_shelf.load(askable_shelf.find("askable"))


@pytest.fixture
def shelf(tiny_folder: Path) -> BundleShelf:
    return BundleShelf([tiny_folder], CPU, "tiny")


@pytest.fixture
def tiny(shelf: BundleShelf):
    """The loaded bundle ``tiny``."""
    return shelf.load(shelf.find("tiny"))


@pytest.fixture
def server(shelf: BundleShelf, engine_of, decoders, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A server with the networks of ``tiny`` and ``busy``."""
    with serving(engine_of(shelf), tmp_path / "data", decoders) as running:
        yield running


@pytest.fixture
def serve(decoders: Decoders, tmp_path: Path) -> Callable[..., object]:
    """Starts a server with an engine: ``with serve(engine) as running``."""

    def start(engine: Engine, limits: Limits = LIMITS):
        return serving(engine, tmp_path / "data", decoders, limits)

    return start


@pytest.fixture(scope="session")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds at 25 fps, with B-frames and few key frames."""
    from coded_video import steady, write_video

    path = tmp_path_factory.mktemp("movie") / "scene.mp4"
    return write_video(path, steady(250, 25), options={"g": "100", "bf": "3"})
