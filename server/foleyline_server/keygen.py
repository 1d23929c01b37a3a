"""``foley-server keygen``: the keys that let clients on other machines connect."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from foleyline_contract.client_key import SUFFIX, ClientKey
from foleyline_contract.errors import FoleyError, OutputUnwritable, SettingInvalid
from foleyline_server.service.keys import (
    AUTHORIZED_NAME,
    FORMAT,
    SERVER_KEY_NAME,
    load_server_keys,
    new_key_pair,
    read_authorized,
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def make_server_keys(folder: Path) -> None:
    """Make a server's key pair in a folder, which is made too.

    Raises:
        OutputUnwritable: there are keys already, or the folder cannot be written to.
    """
    pair = new_key_pair()
    fields = {"foleyline_server_key": FORMAT, "public": pair.public, "secret": pair.secret}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    _write_private(folder / SERVER_KEY_NAME, json.dumps(fields, indent=2) + "\n")


def make_client_key(folder: Path, name: str) -> Path:
    """Make a client's key and authorise it; returns the file to hand out.

    Raises:
        SettingInvalid: the name will not do, or the folder holds no server's keys.
        OutputUnwritable: there is a key of that name already, or the folder cannot be written to.
    """
    if _NAME.fullmatch(name) is None:
        raise SettingInvalid(
            f"{name!r} cannot be a key's name.",
            remedy="Use up to 64 letters, digits, dots, dashes and underscores, without spaces.",
        )
    server = load_server_keys(folder)
    if name in _authorized_names(server.authorized):
        raise OutputUnwritable(
            f"A client {name!r} has a key already.",
            remedy=f"Choose another name, or take its line out of {AUTHORIZED_NAME} first.",
        )
    pair = new_key_pair()
    key = ClientKey(name, pair.public, pair.secret, server.pair.public)
    path = folder / f"{name}{SUFFIX}"
    _write_private(path, key.to_text())
    try:
        _append(server.authorized, f"{pair.public} {name}\n")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(server.authorized, error) from error
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``foley-server keygen``; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="foley-server keygen",
        description="Makes the keys that let clients on other machines connect: the server's "
        "own the first time, then one file for each client.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the keys are kept")
    parser.add_argument(
        "--client", action="append", default=[], metavar="NAME",
        help=f"make NAME{SUFFIX}, the file for one client; repeatable",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    folder: Path = options.folder.expanduser().absolute()
    try:
        made = _make(folder, options.client)
    except FoleyError as error:
        sys.stderr.write(f"foley-server keygen: {error}\n")
        return 1
    sys.stdout.write("\n".join([*made, ""]))
    return 0


def _make(folder: Path, clients: Sequence[str]) -> list[str]:
    made: list[str] = []
    if not clients or not (folder / SERVER_KEY_NAME).exists():
        make_server_keys(folder)
        made.append(f"The server's keys are in {folder}. Start it with:")
        made.append(f"  foley-server --keys {folder} --address tcp://ADDRESS-OF-THIS-MACHINE:19347")
    for name in clients:
        path = make_client_key(folder, name)
        made.append(f"Hand {path} to {name} over a safe way, then delete it here. There:")
        made.append(f"  foley status --server tcp://ADDRESS:19347 --key {path.name}")
    return made


def _authorized_names(path: Path) -> set[str]:
    try:
        return set(read_authorized(path.read_text(encoding="utf-8", errors="replace")).values())
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise _unwritable(path, error) from error


def _write_private(path: Path, text: str) -> None:
    """A file that only its owner may read from its first byte on; never one that exists."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise OutputUnwritable(
            f"The file {str(path)!r} exists already, and keys are never overwritten.",
            remedy="Choose another folder or name. Without its keys a server's clients are lost.",
        ) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _append(path: Path, line: str) -> None:
    """Add a line in one piece, on a line of its own."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "rb+", buffering=0) as stream:
        size_bytes = stream.seek(0, os.SEEK_END)
        if size_bytes:
            stream.seek(-1, os.SEEK_END)
            line = line if stream.read(1) == b"\n" else f"\n{line}"
        stream.write(line.encode())
        os.fsync(stream.fileno())


def _unwritable(path: Path, error: OSError) -> OutputUnwritable:
    return OutputUnwritable(
        f"{str(path)!r} cannot be written.",
        remedy="Choose a folder you may write to.",
        detail=str(error),
    )
