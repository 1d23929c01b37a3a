"""Disk and database errors as one sentence each."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from foleyline_contract.errors import StorageFailed

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_SQLITE_FULL = {sqlite3.SQLITE_FULL}
_SQLITE_FORBIDDEN = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_AUTH,
}
_SQLITE_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def as_storage_failed(folder: Path) -> Generator[None]:
    """Turn what the disk or the database says into a StorageFailed about ``folder``.

    Mistakes of ours (sqlite3.ProgrammingError and the like) pass through.
    """
    try:
        yield
    except OSError as error:
        raise _failed(folder, error, error.errno in _FULL, error.errno in _FORBIDDEN) from error
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.ProgrammingError | sqlite3.IntegrityError):
            raise
        code = primary_code(error)
        if code in _SQLITE_DAMAGED:
            raise StorageFailed(
                "The server's list of jobs is damaged.",
                remedy="Start the server again: it sets the damaged list aside.",
                detail=str(error),
            ) from error
        raise _failed(folder, error, code in _SQLITE_FULL, code in _SQLITE_FORBIDDEN) from error


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where it gives none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the database's own content is broken."""
    return primary_code(error) in _SQLITE_DAMAGED


def disk_full(folder: Path, detail: str = "") -> StorageFailed:
    """The disk itself has no room left."""
    text = f"The disk with the server's folder {str(folder)!r} is full."
    return StorageFailed(text, remedy="Free some space on it, then try again.", detail=detail)


def _failed(folder: Path, error: Exception, full: bool, forbidden: bool) -> StorageFailed:
    detail = f"{folder}: {error}"
    if full:
        return disk_full(folder, detail)
    if forbidden:
        return StorageFailed(
            f"The server may not write to its folder {str(folder)!r}.",
            remedy="Allow writing to it, or choose another folder with --data.",
            detail=detail,
        )
    return StorageFailed(
        f"The server cannot use its folder {str(folder)!r}.",
        remedy="Check the disk and that the folder can be written to, or choose another "
        "with --data.",
        detail=detail,
    )
