"""What may be wrong, as far as a client can see it, and what the server's own checks say."""

from __future__ import annotations

import json
import platform
import socket
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, cast

from foleyline_client import launcher
from foleyline_client.key_file import chosen_key, is_open_to_others, named_key_file
from foleyline_client.server_process import SERVER_PROGRAM, find_server_command, log_folder
from foleyline_client.wording import bytes_text, duration_text
from foleyline_contract.address import is_loopback
from foleyline_contract.check import OK, PROBLEM, WARNING, Check
from foleyline_contract.client_key import ClientKey
from foleyline_contract.errors import FoleyError, ServerStartFailed, ServerUnreachable
from foleyline_contract.fields import FieldError, from_json
from foleyline_contract.messages import ServerStatus, Welcome
from foleyline_contract.palette import palette_text
from foleyline_contract.version import PACKAGE_VERSION, PROTOCOL_VERSION

_DISK_LOW_BYTES = 2 * 10**9
_UNFETCHED_SHARE = 0.8
_SERVER_CHECKS_S = 300.0
"""Hashing large bundles takes its time."""
_PORT_S = 2.0


def check_all(address: str, key_file: str | None) -> Iterator[Check]:
    """Look at everything, the cheapest first."""
    yield _versions()
    try:
        key = chosen_key(key_file, address)
    except FoleyError as error:
        yield Check("key", PROBLEM, error.message, error.remedy)
        key = None
    else:
        yield from _key(address, key_file, key)
    is_near = key is None and is_loopback(address)
    if is_near:
        yield _log_folder(log_folder())
        yield _program()
    yield from _server(address, key)
    if is_near:
        yield from _server_checks()


def _versions() -> Check:
    try:
        pyzmq = version("pyzmq")
    except PackageNotFoundError:
        pyzmq = "of no known version"
    return Check(
        "client",
        OK,
        f"foley {PACKAGE_VERSION}, protocol {PROTOCOL_VERSION}, Python "
        f"{platform.python_version()}, pyzmq {pyzmq}, {platform.system()} {platform.machine()}",
    )


def _key(address: str, key_file: str | None, key: ClientKey | None) -> Iterator[Check]:
    path = named_key_file(key_file, address)
    if key is None or path is None:
        if not is_loopback(address):
            yield Check(
                "key",
                PROBLEM,
                f"{address} is on another machine, and there is no key for it.",
                "Ask whoever runs the server for one and name it with --key FILE.",
            )
        return
    if is_open_to_others(path):
        yield Check("key", WARNING, f"{path.name} can be read by others.", f"Run: chmod 600 {path}")
    else:
        yield Check("key", OK, f"{path.name}, made for {key.name!r}")


def _log_folder(folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(
            "log folder", PROBLEM, f"{folder} cannot be written to: {error.strerror}.",
            "A server cannot be started from here before it can. Check who owns the folder.",
        )  # fmt: skip
    return Check("log folder", OK, str(folder))


def _program() -> Check:
    try:
        return Check("server program", OK, find_server_command()[0])
    except ServerStartFailed as error:
        return Check("server program", WARNING, error.message, error.remedy)


def _server(address: str, key: ClientKey | None) -> Iterator[Check]:
    try:
        session, welcome = launcher.connect(address, key=key)
    except ServerUnreachable as error:
        yield _silence(address, key, error)
        return
    except FoleyError as error:
        yield Check("server", PROBLEM, error.message, error.remedy)
        return
    try:
        with session:
            status = session.status()
    except FoleyError as error:
        yield Check("server", PROBLEM, error.message, error.remedy)
        return
    yield from _answered(address, welcome, status)


def _silence(address: str, key: ClientKey | None, error: FoleyError) -> Check:
    """Nobody answers: because nobody is there, or because somebody else is?"""
    if not _somebody_listens(address):
        if key is None and is_loopback(address):
            return Check("server", OK, f"None runs at {address}; it is started when needed.")
        return Check(
            "server", PROBLEM, f"Nothing listens at {address}.",
            "Check that the server runs there, the address, and firewalls between.",
        )  # fmt: skip
    if key is None:
        return Check(
            "server", PROBLEM, f"Something listens at {address}, but it is no Foleyline server.",
            "Stop that program, or use another port: foley-server --address …, foley --server ….",
        )  # fmt: skip
    return Check("server", PROBLEM, error.message, error.remedy)


def _somebody_listens(address: str) -> bool:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _PORT_S):
            return True
    except (OSError, ValueError, OverflowError):
        return False


def _answered(address: str, welcome: Welcome, status: ServerStatus) -> Iterator[Check]:
    said = f"Version {welcome.server_version} at {address}, up {duration_text(status.uptime_s)}"
    if welcome.server_version == PACKAGE_VERSION:
        yield Check("server", OK, said)
    else:
        yield Check(
            "server", WARNING, f"{said}; this client is {PACKAGE_VERSION}.",
            "Update both to the same release, then run 'foley stop'.",
        )  # fmt: skip
    yield Check("computes on", OK, ", ".join(welcome.providers))
    if not welcome.bundles:
        yield Check(
            "bundles", PROBLEM, "The server has no bundle that it can use.",
            "Install one, and start the server with --bundles FOLDER.",
        )  # fmt: skip
    for bundle in welcome.bundles:
        yield Check("sound palette", OK, f"{bundle.name} {palette_text(bundle.palette)}")
    yield from _room(status)


def _room(status: ServerStatus) -> Iterator[Check]:
    said = (
        f"{bytes_text(status.stored_bytes)} of {bytes_text(status.stored_max_bytes)} kept, "
        f"{bytes_text(status.unacknowledged_bytes)} of it not fetched"
    )
    if status.unacknowledged_bytes > _UNFETCHED_SHARE * status.stored_max_bytes:
        yield Check(
            "takes", WARNING, said,
            "See 'foley jobs'; 'foley fetch' them, or give them up with 'foley forget'.",
        )  # fmt: skip
    else:
        yield Check("takes", OK, said)
    left = f"{bytes_text(status.free_bytes)} left on the server's disk"
    if status.free_bytes < _DISK_LOW_BYTES:
        yield Check("disk", WARNING, left, "Free some space there before it is full.")
    else:
        yield Check("disk", OK, left)


def _server_checks() -> list[Check]:
    """What the server that is installed here says of itself, in a process of its own."""
    try:
        command = [*find_server_command(), "doctor", "--json"]
    except ServerStartFailed:
        return []  # said already
    broken = Check(
        "server's own", PROBLEM, f"'{SERVER_PROGRAM} doctor' does not work.",
        f"Run '{SERVER_PROGRAM} doctor' to see why, or install the server again.",
    )  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SERVER_CHECKS_S, check=False)
        said: Any = json.loads(done.stdout)
        if not isinstance(said, list):
            return [broken]
        return [from_json(Check, item) for item in cast("list[Any]", said)]
    except (OSError, subprocess.TimeoutExpired, FieldError, ValueError, RecursionError):
        return [broken]
