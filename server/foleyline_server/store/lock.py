"""One server per folder."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from foleyline_contract.errors import StorageFailed

_NAME = "server.lock"
_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_LOCKED_BYTE = 1 << 30
"""Far behind the text: on Windows nobody else can read what is locked."""


class FolderLock:
    """Held from construction to close; the system lets go of it when the process dies.

    Raises:
        StorageFailed: another server holds it; the sentence says which.
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / _NAME
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._handle)
            os.ftruncate(self._handle, 0)
            os.write(self._handle, b"%d\n" % os.getpid())
        except OSError as error:
            holder = _holder(self._handle)
            os.close(self._handle)
            if error.errno not in _HELD:
                raise
            raise StorageFailed(
                f"Another Foleyline server{holder} uses the folder {str(folder)!r}.",
                remedy="Stop that one, or choose another folder with --data.",
                detail=str(error),
            ) from error

    def close(self) -> None:
        """Let the next server in. The file stays: removing it would race with that one."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _holder(handle: int) -> str:
    try:
        text = os.read(handle, 20).decode("ascii", "replace").strip()
    except OSError:
        return ""
    return f" (process {text})" if text.isdecimal() else ""


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
