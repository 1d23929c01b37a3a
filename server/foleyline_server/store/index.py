"""The database's list of files: how large, which hash, when used last."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from foleyline_server.store.files import TAKES

_NEXT_USE = "(SELECT coalesce(max(used), 0) + 1 FROM files)"
"""A count, not a time: clocks are set back."""
_NEEDED = """
    (kind = 'takes' AND EXISTS (
        SELECT 1 FROM takes JOIN jobs ON jobs.number = takes.job
        WHERE takes.key = files.key AND jobs.acknowledged_unix_s IS NULL))
    OR (kind = 'uploads' AND EXISTS (
        SELECT 1 FROM jobs WHERE jobs.upload = files.key AND state IN ('queued', 'running')))
"""
"""Takes that nobody has acknowledged, and uploads that a job waits for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. ``facts`` is JSON about it, for takes."""

    kind: str
    key: str
    size_bytes: int
    sha256: str
    facts: str = ""


def find(rows: sqlite3.Connection, kind: str, key: str) -> Entry | None:
    """The file of that key."""
    row = rows.execute(
        "SELECT kind, key, size_bytes, sha256, facts FROM files WHERE kind = ? AND key = ?",
        (kind, key),
    ).fetchone()
    return None if row is None else Entry(*row)


def put(rows: sqlite3.Connection, entry: Entry) -> None:
    """Add a file, as the one used last, instead of whatever has its key."""
    rows.execute(
        f"INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, {_NEXT_USE})",
        (entry.kind, entry.key, entry.size_bytes, entry.sha256, entry.facts),
    )


def touch(rows: sqlite3.Connection, kind: str, key: str) -> None:
    """Make a file the one used last."""
    rows.execute(
        f"UPDATE files SET used = {_NEXT_USE} WHERE kind = ? AND key = ?",
        (kind, key),
    )


def drop(rows: sqlite3.Connection, kind: str, key: str) -> None:
    """Forget a file, and that it is a take of any job."""
    rows.execute("DELETE FROM files WHERE kind = ? AND key = ?", (kind, key))
    if kind == TAKES:
        rows.execute("DELETE FROM takes WHERE key = ?", (key,))


def entries(rows: sqlite3.Connection) -> list[Entry]:
    """All files."""
    found = rows.execute("SELECT kind, key, size_bytes, sha256, facts FROM files")
    return [Entry(*row) for row in found]


def evictable(rows: sqlite3.Connection) -> Iterable[tuple[str, str, int]]:
    """Kind, key and size of the files that nothing needs, least recently used first."""
    return rows.execute(
        f"SELECT kind, key, size_bytes FROM files WHERE NOT ({_NEEDED}) ORDER BY used"
    )


def stored_bytes(rows: sqlite3.Connection) -> int:
    """Of all files together."""
    return rows.execute("SELECT coalesce(sum(size_bytes), 0) FROM files").fetchone()[0]


def unacknowledged_bytes(rows: sqlite3.Connection) -> int:
    """Of all takes that belong to a job which nobody has acknowledged."""
    return rows.execute(
        """SELECT coalesce(sum(size_bytes), 0) FROM files WHERE kind = 'takes' AND key IN (
            SELECT takes.key FROM jobs JOIN takes ON takes.job = jobs.number
            WHERE jobs.acknowledged_unix_s IS NULL)"""
    ).fetchone()[0]
