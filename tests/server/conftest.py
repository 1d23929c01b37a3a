"""Fixtures of the server's tests: tiny bundles, coded videos, a running server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.runtime.session import RuntimeOptions
from foleyline_server.service.router import Router

sys.path.insert(0, str(Path(__file__).parent / "fakes"))

CPU = RuntimeOptions(("CPUExecutionProvider",), threads=1)


@contextmanager
def serving(shelf: BundleShelf) -> Iterator[SimpleNamespace]:
    """A server on a free port; ``call`` opens a client."""
    from raw_caller import Caller

    callers: list[Caller] = []
    with Router("tcp://127.0.0.1:*", shelf, CPU.providers) as router:
        thread = Thread(target=router.run, name="router", daemon=True)
        thread.start()

        def call() -> Caller:
            callers.append(Caller(router.address))
            return callers[-1]

        try:
            yield SimpleNamespace(router=router, call=call, thread=thread)
        finally:
            router.stop()
            thread.join(10)
            for caller in callers:
                caller.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bundles ``tiny`` and ``busy``."""
    pytest.importorskip("onnx", reason="onnx writes the tests' bundles")
    from tiny_bundle import build_tiny_bundle

    folder = tmp_path_factory.mktemp("bundles")
    build_tiny_bundle(folder, name="tiny")
    build_tiny_bundle(folder, name="busy", busy=True)
    return folder


@pytest.fixture
def shelf(tiny_folder: Path) -> BundleShelf:
    return BundleShelf([tiny_folder], CPU, "tiny")


@pytest.fixture
def tiny(shelf: BundleShelf):
    """The loaded bundle ``tiny``."""
    return shelf.load(shelf.find("tiny"))


@pytest.fixture
def server(shelf: BundleShelf) -> Iterator[SimpleNamespace]:
    with serving(shelf) as running:
        yield running


@pytest.fixture(scope="session")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds at 25 fps, with B-frames and few key frames."""
    from coded_video import steady, write_video

    path = tmp_path_factory.mktemp("movie") / "scene.mp4"
    return write_video(path, steady(250, 25), options={"g": "100", "bf": "3"})


@pytest.fixture(scope="session")
def serve() -> Callable[[BundleShelf], object]:
    return serving
