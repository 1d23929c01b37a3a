"""Takes: which job has which, and what is known of each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from foleyline_server.store.files import SIDECAR_SUFFIX, TAKES, is_key, is_whole, read_checked
from foleyline_server.store.index import Entry

_SIDECAR_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredTake:
    """One take of a job."""

    key: str
    number: int
    """Counts from 0 within its job."""
    path: Path
    size_bytes: int
    sha256: str
    facts: Mapping[str, Any]
    """As given to put_take."""

    def read(self) -> bytes | None:
        """Its sound: 24-bit little-endian PCM; None if the file is damaged or was dropped."""
        return read_checked(self.path, self.size_bytes, self.sha256)


def link(rows: sqlite3.Connection, job_id: str, number: int, key: str) -> None:
    """Make a kept file a take of the job; nothing if there is no such job."""
    rows.execute(
        "INSERT OR REPLACE INTO takes SELECT number, ?, ? FROM jobs WHERE id = ?",
        (number, key, job_id),
    )


def of_job(rows: sqlite3.Connection, job_id: str) -> list[tuple[int, Entry]]:
    """Number and file of each take, in order."""
    found = rows.execute(
        """SELECT takes.take, files.kind, files.key, size_bytes, sha256, facts
        FROM jobs JOIN takes ON takes.job = jobs.number
            JOIN files ON files.kind = 'takes' AND files.key = takes.key
        WHERE jobs.id = ? ORDER BY takes.take""",
        (job_id,),
    )
    return [(row[0], Entry(*row[1:])) for row in found]


def sidecar(entry: Entry) -> bytes:
    """What lies beside a take, to be read by people, and by us should the database be lost."""
    content = {
        "size_bytes": entry.size_bytes,
        "sha256": entry.sha256,
        "facts": json.loads(entry.facts),
    }
    return json.dumps(content, indent=1).encode()


def from_sidecar(path: Path) -> Entry | None:
    """The take at ``path`` as its sidecar tells; None if the two are not whole."""
    beside = path.with_suffix(SIDECAR_SUFFIX)
    try:
        if not is_key(path.stem) or beside.stat().st_size > _SIDECAR_MAX_BYTES:
            return None
        content: Any = json.loads(beside.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    told = cast("dict[str, Any]", content)
    size_bytes, sha256, facts = told.get("size_bytes"), told.get("sha256"), told.get("facts")
    if not (isinstance(size_bytes, int) and isinstance(sha256, str) and isinstance(facts, dict)):
        return None
    if not is_key(sha256) or not is_whole(path, size_bytes):
        return None
    return Entry(TAKES, path.stem, size_bytes, sha256, json.dumps(facts))
