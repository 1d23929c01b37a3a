"""Finding and reading the key for a server on another machine."""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from foleyline_contract.address import is_loopback
from foleyline_contract.client_key import FILE_MAX_BYTES, ClientKey
from foleyline_contract.errors import SettingInvalid

KEY_VARIABLE = "FOLEYLINE_KEY"
_log = logging.getLogger(__name__)


def chosen_key(
    wanted: str | None, address: str, environ: Mapping[str, str] = os.environ
) -> ClientKey | None:
    """The key in the named file; for other machines, else the one that the environment names.

    Raises:
        SettingInvalid: the file cannot be read or is no key.
    """
    path = named_key_file(wanted, address, environ)
    return None if path is None else read_key(path)


def named_key_file(
    wanted: str | None, address: str, environ: Mapping[str, str] = os.environ
) -> Path | None:
    """Where the key would be read from."""
    named = wanted or ("" if is_loopback(address) else environ.get(KEY_VARIABLE, ""))
    return Path(named).expanduser() if named else None


def read_key(path: Path) -> ClientKey:
    """The key in a file.

    Raises:
        SettingInvalid: it cannot be read or is no key.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(FILE_MAX_BYTES).decode()
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        raise SettingInvalid(
            f"The key file {path.name!r} cannot be read.",
            remedy="Check its path, and that you may read it.",
            detail=str(error),
        ) from error
    if is_open_to_others(path):
        _log.warning(
            "The key file %r can be read by others on this machine. Run: chmod 600 %s",
            path.name,
            path,
        )
    try:
        return ClientKey.from_text(text)
    except SettingInvalid as error:
        raise SettingInvalid(f"{path.name!r}: {error.message}", remedy=error.remedy) from error


def is_open_to_others(path: Path) -> bool:
    """Whether other users may read a file; unknown, so False, on Windows."""
    if sys.platform == "win32":
        return False
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except OSError:
        return False
