"""Room on the disk: how much is used, and what goes when more is wanted.

What nobody has fetched stays: takes of unacknowledged jobs and uploads that a job waits for.
Of the rest, what was used longest ago goes first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from foleyline_contract.errors import StorageFailed
from foleyline_server.store import index
from foleyline_server.store.database import Database
from foleyline_server.store.failures import disk_full
from foleyline_server.store.files import Files

_log = logging.getLogger(__name__)
RESERVE_BYTES = 64 << 20
"""Left free on the disk, so that the list of jobs can still be written when it is full."""
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Usage:
    """What the store holds."""

    stored_bytes: int
    """Takes, features and uploads; not the list of jobs, nor takes' sidecars."""
    unacknowledged_bytes: int
    """Of that, takes which nobody has acknowledged."""
    free_bytes: int
    """Left on the disk."""


class Room:
    """The limit, and how it is kept.

    Args:
        parts_bytes: what unfinished uploads hold.
        drop_parts: lets go of those that nobody has added to for a while.
        free_bytes: left on the disk of a folder.
    """

    def __init__(
        self,
        database: Database,
        files: Files,
        limit_bytes: int,
        parts_bytes: Callable[[], int],
        drop_parts: Callable[[], None],
        free_bytes: Callable[[Path], int],
    ) -> None:
        self._database = database
        self._files = files
        self._limit_bytes = limit_bytes
        self._parts_bytes = parts_bytes
        self._drop_parts = drop_parts
        self._free_bytes = free_bytes
        self._reserved_bytes = 0
        self._lock = Lock()

    def usage(self) -> Usage:
        """How much is stored now."""
        with self._database.transaction() as rows:
            stored = index.stored_bytes(rows)
            unacknowledged = index.unacknowledged_bytes(rows)
        free = self._free_bytes(self._files.folder)
        return Usage(stored + self._parts_bytes(), unacknowledged, free)

    @contextmanager
    def reserved(self, size_bytes: int) -> Generator[None]:
        """Room for ``size_bytes`` more for as long as they are being written.

        Raises:
            StorageFailed: there is none, whatever is evicted.
        """
        with self._lock:
            self._make(size_bytes)
            self._reserved_bytes += size_bytes
        try:
            yield
        finally:
            with self._lock:
                self._reserved_bytes -= size_bytes

    def _make(self, size_bytes: int) -> None:
        if self._missing_bytes(size_bytes) <= 0:
            return
        self._drop_parts()
        missing = self._missing_bytes(size_bytes)
        with self._database.transaction() as rows:
            going: list[tuple[str, str]] = []
            for kind, key, size in index.evictable(rows):
                if missing <= 0:
                    break
                going.append((kind, key))
                missing -= size
            if missing > 0:
                raise self._no_room(size_bytes, index.unacknowledged_bytes(rows))
            # Inside, lest a file be published under such a name in between. Killed here, we
            # find rows without files, of which none is needed.
            for kind, key in going:
                index.drop(rows, kind, key)
                self._files.remove(kind, key)
        if going:
            _log.info("event=evicted files=%d", len(going))

    def _missing_bytes(self, size_bytes: int) -> int:
        """What has to go for ``size_bytes`` more; below 1 when they fit."""
        with self._database.transaction() as rows:
            stored = index.stored_bytes(rows)
        coming = self._reserved_bytes + size_bytes
        over_limit = stored + self._parts_bytes() + coming - self._limit_bytes
        over_disk = coming + RESERVE_BYTES - self._free_bytes(self._files.folder)
        return max(over_limit, over_disk)

    def _no_room(self, size_bytes: int, unacknowledged: int) -> StorageFailed:
        detail = f"{size_bytes} bytes more, limit {self._limit_bytes}, waiting {unacknowledged}"
        if self._free_bytes(self._files.folder) < size_bytes + RESERVE_BYTES:
            return disk_full(self._files.folder, detail)
        if unacknowledged:
            return StorageFailed(
                f"The server keeps {unacknowledged / _GIB:.1f} GiB of results that nobody has "
                f"fetched, of {self._limit_bytes / _GIB:.1f} GiB that it may keep.",
                remedy="Open the projects they belong to, or see 'foley jobs', so that they are "
                "fetched; or raise the limit with --data-max-gib.",
                detail=detail,
            )
        return StorageFailed(
            f"The server may keep {self._limit_bytes / _GIB:.1f} GiB, too little for this.",
            remedy="Wait until its jobs are done, shorten the clip, or raise the limit with "
            "--data-max-gib.",
            detail=detail,
        )
