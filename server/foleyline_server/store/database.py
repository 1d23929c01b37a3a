"""The SQLite file: opened, brought up to date, and asked one transaction at a time.

It is in WAL mode with ``synchronous=NORMAL``: a killed server loses nothing that was committed,
a power cut may take back the last transactions, never half of one. Locking is exclusive, so that
it needs no shared memory and works on network folders too; FolderLock has kept others out.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from foleyline_contract.errors import StorageFailed
from foleyline_server.store.failures import as_storage_failed, is_damage

_log = logging.getLogger(__name__)
_NAME = "jobs.sqlite"
_COMPANIONS = ("", "-wal", "-shm")
_MIGRATIONS = (
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        strip TEXT NOT NULL,
        upload TEXT,
        takes_asked INTEGER NOT NULL,
        request TEXT NOT NULL,
        bundle TEXT NOT NULL,
        bundle_sha256 TEXT NOT NULL,
        state TEXT NOT NULL
            CHECK (state IN ('queued', 'running', 'finished', 'failed', 'cancelled')),
        created_unix_s REAL NOT NULL,
        ended_unix_s REAL,
        acknowledged_unix_s REAL,
        elapsed_s REAL,
        code TEXT NOT NULL DEFAULT '',
        message TEXT NOT NULL DEFAULT '',
        remedy TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX jobs_by_owner ON jobs (owner, number);
    CREATE INDEX jobs_by_strip ON jobs (strip, number);
    CREATE INDEX jobs_by_upload ON jobs (upload) WHERE upload IS NOT NULL;
    CREATE INDEX jobs_unended ON jobs (number) WHERE state IN ('queued', 'running');
    CREATE TABLE files (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        facts TEXT NOT NULL,
        used INTEGER NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
    CREATE INDEX files_by_use ON files (used);
    CREATE INDEX files_by_size ON files (size_bytes);
    CREATE TABLE takes (
        job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
        take INTEGER NOT NULL,
        key TEXT NOT NULL,
        PRIMARY KEY (job, take)
    ) WITHOUT ROWID;
    CREATE INDEX takes_by_key ON takes (key);
    CREATE TABLE speeds (
        bundle_sha256 TEXT NOT NULL,
        device TEXT NOT NULL,
        speed REAL NOT NULL,
        PRIMARY KEY (bundle_sha256, device)
    ) WITHOUT ROWID;
    """,
)
"""Number n brings a file of version n to n + 1. Never change one that was released."""


class Database:
    """A connection that any thread may use.

    Raises:
        StorageFailed: it cannot be opened, or a newer release has written it. A damaged file
            is no error: it is set aside and a new one begun.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        with as_storage_failed(folder):
            try:
                self._connection = _open(folder / _NAME)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                _set_aside(folder)
                self._connection = _open(folder / _NAME)

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """All or nothing; other threads wait. Not to be nested.

        Raises:
            StorageFailed: the database cannot be read or written; nothing was changed.
        """
        with self._lock, as_storage_failed(self._folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back by itself.
                with suppress(sqlite3.OperationalError):
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        with self._lock, as_storage_failed(self._folder):
            self._connection.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection)
        verdict: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            damage = sqlite3.DatabaseError(verdict)
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(_MIGRATIONS):
        raise StorageFailed(
            "The server's folder was last used by a newer release of Foleyline.",
            remedy="Update the server, or choose another folder with --data.",
            detail=f"user_version {version}, known {len(_MIGRATIONS)}",
        )
    for number in range(version, len(_MIGRATIONS)):
        script = f"BEGIN;{_MIGRATIONS[number]}PRAGMA user_version = {number + 1};COMMIT;"
        connection.executescript(script)


def _set_aside(folder: Path) -> None:
    """Rename the damaged file and its log, for whoever wants to look into them."""
    mark = f".damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    for companion in _COMPANIONS:
        path = folder / (_NAME + companion)
        if path.exists():
            path.replace(path.with_name(path.name + mark))
    _log.error(
        "The list of jobs was damaged and is now %s; its jobs are forgotten, their takes are "
        "used again when the same is asked for.",
        _NAME + mark,
    )
