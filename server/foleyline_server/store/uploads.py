"""Uploads: received piece by piece, named by their hash, checked before they have that name.

A part is named by hash and size as its sender said them, so a sender with a wrong size spoils
nobody else's. Clients that send the same file add to the same part: whoever is behind is told
how far it is and goes on from there.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

from foleyline_contract.errors import ServerBusy, UploadFailed
from foleyline_server.store import index
from foleyline_server.store.database import Database
from foleyline_server.store.eviction import Room
from foleyline_server.store.failures import as_storage_failed
from foleyline_server.store.files import PART_SUFFIX, UPLOADS, Files, is_key, is_whole
from foleyline_server.store.index import Entry

IDLE_S = 600.0
"""A part that nobody has added to for so long goes when its room is wanted."""
KEEP_PART_S = 24 * 60 * 60.0
"""And so long anyway."""
PARTS_MAX = 256
"""Uploads on their way at once."""
_PART_NAME = re.compile(rf"([0-9a-f]{{64}})\.([0-9]{{1,15}}){re.escape(PART_SUFFIX)}")


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(slots=True)
class Part:
    """An upload on its way. Its fields are read and written under its lock."""

    path: Path
    received_bytes: int
    digest: _Digest | None
    """Of what was received; None where that was before a restart."""
    touched_s: float
    lock: Lock = field(default_factory=Lock)
    closed: bool = False


class Parts:
    """All uploads on their way, by hash and size; those of before a restart too."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = Lock()
        self._parts: dict[tuple[str, int], Part] = {}
        for path in folder.glob(f"*{PART_SUFFIX}"):
            if name := _PART_NAME.fullmatch(path.name):
                size_bytes = path.stat().st_size
                self._parts[name[1], int(name[2])] = Part(path, size_bytes, None, clock())

    def paths(self) -> set[Path]:
        """Where they lie."""
        with self._lock:
            return {part.path for part in self._parts.values()}

    def received_bytes(self) -> int:
        """What they hold together."""
        with self._lock:
            return sum(part.received_bytes for part in self._parts.values())

    def open(self, sha256: str, size_bytes: int) -> Part:
        """The part of an upload, begun if there is none.

        Raises:
            ServerBusy: there are too many.
            OSError: the disk cannot take it.
        """
        with self._lock:
            part = self._parts.get((sha256, size_bytes))
            if part is None:
                if len(self._parts) >= PARTS_MAX:
                    raise ServerBusy(f"{PARTS_MAX} uploads are on their way to the server already.")
                path = self._folder / f"{sha256}.{size_bytes}{PART_SUFFIX}"
                path.write_bytes(b"")
                part = Part(path, 0, hashlib.sha256(), self._clock())
                self._parts[sha256, size_bytes] = part
            part.touched_s = self._clock()
            return part

    def close(self, part: Part) -> None:
        """Forget a part whose lock is held; its file goes, if it has not got its name."""
        part.closed = True
        with self._lock:
            for key in [key for key, value in self._parts.items() if value is part]:
                del self._parts[key]
        with suppress(OSError):
            part.path.unlink(missing_ok=True)

    def drop_idle(self, idle_s: float = IDLE_S) -> None:
        """Let go of parts that nobody has added to for ``idle_s``, nor is adding to now."""
        with self._lock:
            before_s = self._clock() - idle_s
            idle = [part for part in self._parts.values() if part.touched_s <= before_s]
        for part in idle:
            if part.lock.acquire(blocking=False):
                try:
                    self.close(part)
                finally:
                    part.lock.release()


class Uploads:
    """What clients send whose files the server cannot open; safe from any thread.

    Args:
        max_bytes: largest file that is taken.
    """

    def __init__(
        self, database: Database, files: Files, room: Room, parts: Parts, max_bytes: int
    ) -> None:
        self._database = database
        self._files = files
        self._room = room
        self._parts = parts
        self._max_bytes = max_bytes

    def path_of(self, sha256: str) -> Path | None:
        """A complete upload's file; None if it is not (or no longer) there.

        It becomes the one used last, so the last that is evicted.
        """
        if not is_key(sha256):
            return None
        path = self._files.path(UPLOADS, sha256)
        with self._database.transaction() as rows:
            entry = index.find(rows, UPLOADS, sha256)
            if entry is None:
                return None
            if not is_whole(path, entry.size_bytes):
                index.drop(rows, UPLOADS, sha256)
                return None
            index.touch(rows, UPLOADS, sha256)
        return path

    def begin(self, sha256: str, size_bytes: int) -> int:
        """How much of an upload is there, from its start; all of it when it is complete.

        Raises:
            UploadFailed: it is too large, or another size is known for that hash.
            StorageFailed: there is no room for it.
            ValueError: ``sha256`` is no hash.
        """
        return self.append(sha256, size_bytes, 0, b"")

    def append(self, sha256: str, size_bytes: int, offset_bytes: int, piece: bytes) -> int:
        """Add the piece that begins at ``offset_bytes``; returns how much is there now.

        A piece that begins anywhere else than where the upload ends so far changes nothing; its
        sender goes on from what is returned. When that is ``size_bytes``, call finish; after
        begin, too.

        Raises:
            UploadFailed, StorageFailed, ValueError: as begin; or the piece reaches over the end.
        """
        if offset_bytes + len(piece) > size_bytes:
            raise UploadFailed("The upload is longer than it was said to be.")
        with self._part(sha256, size_bytes) as part:
            if part is None:
                return size_bytes
            return self._add(part, size_bytes, offset_bytes, piece)

    def finish(self, sha256: str, size_bytes: int) -> None:
        """Check an upload of which everything has come, and make it known by its hash.

        After a restart it reads the whole file, and it always syncs it: not for the router's
        thread. Doing it twice does no harm.

        Raises:
            UploadFailed: it is not the file that it was said to be, or not all there. What is
                wrong was dropped.
            StorageFailed: the disk cannot take it.
        """
        with self._part(sha256, size_bytes) as part:
            if part is not None:
                self._complete(part, sha256, size_bytes)

    @contextmanager
    def _part(self, sha256: str, size_bytes: int) -> Generator[Part | None]:
        """An upload's part, with its lock held; None if the upload is complete."""
        self._check(sha256, size_bytes)
        if self.path_of(sha256) is not None:
            yield None
            return
        while True:
            with as_storage_failed(self._files.folder):
                part = self._parts.open(sha256, size_bytes)
            with part.lock:
                if part.closed:  # whoever had the lock before us completed or dropped it
                    continue
                if self.path_of(sha256) is None:
                    yield part
                else:  # completed between our two looks
                    self._parts.close(part)
                    yield None
                return

    def _check(self, sha256: str, size_bytes: int) -> None:
        if not is_key(sha256):
            raise ValueError("no SHA-256")
        if size_bytes > self._max_bytes:
            raise UploadFailed(
                f"The file is larger than the {self._max_bytes >> 20} MiB that this server takes.",
                remedy="Shorten the clip, or raise the limit with --upload-max-gib.",
            )
        with self._database.transaction() as rows:
            entry = index.find(rows, UPLOADS, sha256)
        if entry is not None and entry.size_bytes != size_bytes:
            raise UploadFailed("The upload is not the file that it was said to be.")

    def _add(self, part: Part, size_bytes: int, offset_bytes: int, piece: bytes) -> int:
        received = part.received_bytes
        # All that is still to come has to fit when a client asks; a piece only has to fit itself.
        wanted = len(piece) if piece else size_bytes - received
        with self._room.reserved(wanted):
            if piece and offset_bytes == received:
                with as_storage_failed(self._files.folder), part.path.open("r+b") as stream:
                    stream.seek(received)
                    stream.write(piece)
                if part.digest is not None:
                    part.digest.update(piece)
                part.received_bytes += len(piece)
        return part.received_bytes

    def _complete(self, part: Part, sha256: str, size_bytes: int) -> None:
        if part.received_bytes != size_bytes:
            raise UploadFailed("The upload is not complete.")
        with as_storage_failed(self._files.folder):
            with part.path.open("r+b") as stream:
                digest = part.digest or hashlib.file_digest(stream, "sha256")
                os.fsync(stream.fileno())
            sound = digest.hexdigest() == sha256 and is_whole(part.path, size_bytes)
        if not sound:
            self._parts.close(part)
            raise UploadFailed("The upload is not the file that it was said to be.")
        with self._database.transaction() as rows:
            part.path.replace(self._files.path(UPLOADS, sha256))
            index.put(rows, Entry(UPLOADS, sha256, size_bytes, sha256))
        self._parts.close(part)
