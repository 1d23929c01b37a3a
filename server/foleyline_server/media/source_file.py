"""The one file that a request names: that it is there, is a file, and may be read."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from foleyline_contract.errors import FileMissing, FileUnreadable


def require_regular_file(path: str) -> None:
    """Check that ``path`` is absolute and names a regular file.

    Raises:
        FileMissing: it does not.
    """
    place = Path(path)
    try:
        sound = place.is_absolute() and place.is_file()
    except (OSError, ValueError):
        sound = False
    if not sound:
        raise _missing(place)


def open_regular_file(path: str) -> int:
    """A descriptor of the file, to read from; the caller closes it.

    Raises:
        FileMissing: there is no regular file.
        FileUnreadable: we may not read it.
    """
    require_regular_file(path)
    place = Path(path)
    flags = os.O_RDONLY
    if sys.platform != "win32":
        # What was put in the file's place since is opened without waiting for its other end.
        flags |= os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(place, flags)
    except FileNotFoundError as error:
        raise _missing(place) from error
    except OSError as error:
        raise FileUnreadable(
            f"The file {place.name!r} cannot be opened.",
            remedy="Check that the server may read it.",
            detail=error.strerror or "",
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _missing(place)
    return descriptor


def _missing(place: Path) -> FileMissing:
    return FileMissing(f"There is no file {place.name!r} where it was looked for.")
