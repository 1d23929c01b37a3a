"""At the start: what the database says and what lies on the disk are made to agree.

A server may have been killed between the two. Whole takes and uploads without a row are taken
in again, rows without a whole file are dropped, and whatever else lies there is removed.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Set
from pathlib import Path

from foleyline_server.store import index, jobs, takes
from foleyline_server.store.files import (
    KINDS,
    SIDECAR_SUFFIX,
    TAKES,
    UPLOADS,
    Files,
    is_key,
    is_whole,
)
from foleyline_server.store.index import Entry

_log = logging.getLogger(__name__)


def reconcile(rows: sqlite3.Connection, files: Files, parts: Set[Path]) -> None:
    """Make rows and files agree; a job whose unfetched take is gone is queued again.

    ``parts`` are of uploads on their way, which stay.
    """
    known = set(parts)
    dropped = adopted = swept = 0
    for entry in index.entries(rows):
        path = files.path(entry.kind, entry.key)
        if is_whole(path, entry.size_bytes):
            known.add(path)
        else:
            index.drop(rows, entry.kind, entry.key)
            dropped += 1
    for kind, path in _lying_about(files):
        if path in known or _is_sidecar_of(path, known):
            continue
        entry = _adoptable(kind, path)
        if entry is None:
            path.unlink()
            swept += 1
        else:
            index.put(rows, entry)
            known.add(path)
            adopted += 1
    requeued = jobs.requeue_incomplete(rows)
    if dropped or adopted or swept or requeued:
        _log.warning(
            "event=reconciled dropped=%d adopted=%d swept=%d requeued=%d",
            dropped, adopted, swept, requeued,
        )  # fmt: skip


def _lying_about(files: Files) -> Iterator[tuple[str, Path]]:
    """All files; takes before their sidecars, which may have to stay with them."""
    for kind in KINDS:
        found = [path for path in (files.folder / kind).rglob("*") if not path.is_dir()]
        yield from ((kind, path) for path in sorted(found, key=_is_sidecar))


def _is_sidecar(path: Path) -> bool:
    return path.suffix == SIDECAR_SUFFIX


def _is_sidecar_of(path: Path, known: set[Path]) -> bool:
    return _is_sidecar(path) and path.with_suffix(KINDS[TAKES]) in known


def _adoptable(kind: str, path: Path) -> Entry | None:
    """What a file without a row is; None if it is nothing whole."""
    if kind == TAKES and path.suffix == KINDS[TAKES]:
        return takes.from_sidecar(path)
    if kind == UPLOADS and is_key(path.name):
        size_bytes = path.lstat().st_size
        return Entry(kind, path.name, size_bytes, path.name) if is_whole(path, size_bytes) else None
    return None
