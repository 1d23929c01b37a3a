"""A store in a fresh folder, and jobs to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from foleyline_contract.messages import Clip, Generate, GenerateSettings, Origin
from foleyline_server.store.jobs import StoredJob
from foleyline_server.store.store import Store

GB = 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def open_store(folder: Path) -> Iterator[Callable[..., Store]]:
    """Opens the one store of the test's folder, closing the one before."""
    opened: list[Store] = []

    def close() -> None:
        while opened:
            opened.pop().close()

    def open_(limit_bytes: int = GB, **seams: object) -> Store:
        close()
        opened.append(Store(folder, limit_bytes, **seams))
        return opened[-1]

    yield open_
    close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()


@pytest.fixture
def job() -> Callable[..., StoredJob]:
    def make(
        job_id: str = "a", owner: str = "", strip: str = "", takes: int = 1, upload=None
    ) -> StoredJob:
        clip = Clip("/films/a.mp4", Fraction(1, 3), Fraction(8), Fraction(2), upload)
        request = Generate(clip, GenerateSettings(seed=7, takes=takes), Origin(strip=strip))
        return StoredJob(job_id, owner, request, "mini", "b" * 64, 1000.5)

    return make


@pytest.fixture
def key() -> Callable[[int], str]:
    return lambda number: f"{number:064x}"
