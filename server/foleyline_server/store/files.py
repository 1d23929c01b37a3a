"""Files named by what is in them, or by what made them: written whole or not at all.

A file is staged under a passing name and gets its own by a rename, so a file that has its name
is whole. What is durable is synced first, so that this holds after a power cut too; of others
the hash tells. Which files there are is in the database (index.py).
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

TAKES, FEATURES, UPLOADS = "takes", "features", "uploads"
KINDS = {TAKES: ".pcm", FEATURES: ".npz", UPLOADS: ""}
"""Folder to the ending of its files."""
SIDECAR_SUFFIX = ".json"
STAGED_SUFFIX = ".new"
PART_SUFFIX = ".part"
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Staged:
    """A whole file that has no name of its own yet."""

    path: Path
    size_bytes: int
    sha256: str


def is_key(text: str) -> bool:
    """Whether it is 64 hexadecimal digits in lower case, so names no path."""
    return _KEY.fullmatch(text) is not None


class Files:
    """The three folders of named files below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for kind in KINDS:
            (folder / kind).mkdir(parents=True, exist_ok=True)

    def path(self, kind: str, key: str) -> Path:
        """Where a file lies, if there is one.

        Raises:
            ValueError: ``key`` is no key.
        """
        if not is_key(key):
            raise ValueError(f"{key!r} is not 64 hexadecimal digits")
        below = self.folder / kind
        return (below if kind == UPLOADS else below / key[:2]) / f"{key}{KINDS[kind]}"

    @contextmanager
    def staged(
        self, kind: str, write: Callable[[IO[bytes]], object], *, durable: bool
    ) -> Generator[Staged]:
        """Write a file under a passing name; unless published it is gone afterwards.

        Raises:
            OSError: the disk cannot take it.
        """
        path = self.folder / kind / f"{uuid4().hex}{STAGED_SUFFIX}"
        try:
            with path.open("x+b") as stream:
                write(stream)
                stream.flush()
                if durable:
                    os.fsync(stream.fileno())
                size_bytes = stream.seek(0, os.SEEK_END)
                stream.seek(0)
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            yield Staged(path, size_bytes, sha256)
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def publish(self, staged: Staged, path: Path) -> None:
        """Give a staged file its name, instead of whatever has it."""
        path.parent.mkdir(exist_ok=True)
        staged.path.replace(path)

    def read(self, kind: str, key: str, size_bytes: int, sha256: str) -> bytes | None:
        """A file's content, if it is all there and unchanged."""
        return read_checked(self.path(kind, key), size_bytes, sha256)

    def remove(self, kind: str, key: str) -> None:
        """Remove a file and its sidecar; nothing if they are not there."""
        path = self.path(kind, key)
        path.unlink(missing_ok=True)
        if kind == TAKES:
            path.with_suffix(SIDECAR_SUFFIX).unlink(missing_ok=True)


def read_checked(path: Path, size_bytes: int, sha256: str) -> bytes | None:
    """What a file holds; None if it is gone, cut short or changed."""
    if not is_whole(path, size_bytes):
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def is_whole(path: Path, size_bytes: int) -> bool:
    """Whether it is a regular file, no link, of that size."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == size_bytes
