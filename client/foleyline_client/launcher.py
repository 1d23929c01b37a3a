"""Find a server, start a local one if there is none, stop one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from foleyline_client.file_lock import FileLock
from foleyline_client.key_file import KEY_VARIABLE
from foleyline_client.server_process import ServerProcess, find_server_command, log_folder
from foleyline_client.session import Session
from foleyline_client.transport import ZmqTransport
from foleyline_contract.address import DEFAULT_ADDRESS, is_loopback
from foleyline_contract.client_key import SUFFIX, ClientKey
from foleyline_contract.errors import (
    ServerLost,
    ServerStartFailed,
    ServerUnreachable,
    SettingInvalid,
)
from foleyline_contract.messages import Welcome

FIRST_HELLO_S = 1.0
"""A running server on this machine answers far sooner."""
FAR_HELLO_S = 5.0
_HELLO_S = 0.3
START_S = 60.0


def _no_status(_text: str) -> None:
    pass


def connect(
    address: str = DEFAULT_ADDRESS, *, key: ClientKey | None = None, timeout_s: float | None = None
) -> tuple[Session, Welcome]:
    """Open a conversation with a server that runs already.

    Raises:
        ServerUnreachable: nothing answers at ``address``.
        SettingInvalid: ``address`` is on another machine, and there is no key for it.
        ProtocolMismatch: the server is of another release.
    """
    transport = _transport(address, key)
    session = Session(transport)
    try:
        return session, _greet(session, transport, key, timeout_s)
    except BaseException:
        session.close()
        raise


def connect_or_start(
    address: str = DEFAULT_ADDRESS,
    *,
    key: ClientKey | None = None,
    command: Sequence[str] | None = None,
    timeout_s: float = START_S,
    on_status: Callable[[str], None] = _no_status,
    folder: Path | None = None,
) -> tuple[Session, Welcome]:
    """Open a conversation, starting a server first if ``address`` is on this machine.

    Args:
        address: where the server is or shall be.
        key: for a server on another machine.
        command: the server's program and first arguments; searched for when left out.
            ``--address`` and the address are added.
        timeout_s: longest wait for a server that was started.
        on_status: called with a short sentence at each step.
        folder: where log and lock lie; the user's log folder when left out.

    Raises:
        ServerUnreachable: nothing answers, and ``address`` is on another machine.
        SettingInvalid: ``address`` is on another machine, and there is no key for it.
        ServerStartFailed: the server is not installed, ended at once or never answered.
        ProtocolMismatch: a server of another release runs at ``address``.
    """
    transport = _transport(address, key)
    session = Session(transport)
    try:
        try:
            return session, _greet(session, transport, key, None)
        except ServerUnreachable:
            # A key says that somebody else sees to the server, be it through a tunnel from here.
            if key is not None or not is_loopback(address) or transport.was_refused:
                raise
        return session, start_for(
            session, address, command=command, timeout_s=timeout_s, on_status=on_status,
            folder=folder,
        )  # fmt: skip
    except BaseException:
        session.close()
        raise


def start_for(
    session: Session,
    address: str,
    *,
    command: Sequence[str] | None = None,
    timeout_s: float = START_S,
    on_status: Callable[[str], None] = _no_status,
    folder: Path | None = None,
) -> Welcome:
    """Have a session's server answer again, starting one on this machine; its jobs resume.

    Raises:
        ServerStartFailed, ProtocolMismatch: as ``connect_or_start`` says.
    """
    folder = log_folder() if folder is None else folder
    return _start(session, address, command, timeout_s, on_status, folder)


def stop(
    address: str = DEFAULT_ADDRESS, *, key: ClientKey | None = None, only_if_idle: bool = False
) -> bool:
    """Ask a server to end; False when none runs.

    Raises:
        ServerBusy: it has jobs, and ``only_if_idle`` was asked for.
        ProtocolMismatch: it is of another release.
    """
    try:
        session, _ = connect(address, key=key)
    except ServerUnreachable:
        return False
    with session:
        session.shutdown(only_if_idle=only_if_idle)
    return True


def _transport(address: str, key: ClientKey | None) -> ZmqTransport:
    if key is None and not is_loopback(address):
        if not address.startswith("tcp://"):
            raise SettingInvalid(
                f"{address!r} is no server address.",
                remedy=f"Write it like {DEFAULT_ADDRESS}.",
            )
        raise SettingInvalid(
            f"The server at {address} is on another machine, so a key is needed.",
            remedy=f"Ask whoever runs it for a {SUFFIX} file and name that with --key FILE, "
            f"{KEY_VARIABLE} or in the preferences.",
        )
    return ZmqTransport(address, key)


def _greet(
    session: Session, transport: ZmqTransport, key: ClientKey | None, timeout_s: float | None
) -> Welcome:
    """Say hello; that nobody answers is told with address and key."""
    if timeout_s is None:
        timeout_s = FIRST_HELLO_S if key is None else FAR_HELLO_S
    try:
        return session.hello(timeout_s)
    except ServerUnreachable as error:
        if transport.was_refused:
            raise
        where = f"at {transport.address}"
        if key is None:
            raise ServerUnreachable(f"No Foleyline server answers {where}.") from error
        raise ServerUnreachable(
            f"No Foleyline server answers {where} with the key {key.name!r}.",
            remedy="Check that it runs, that the address is right and that the key is this "
            "server's: a server stays silent when it is another's.",
        ) from error


def _start(
    session: Session,
    address: str,
    command: Sequence[str] | None,
    timeout_s: float,
    on_status: Callable[[str], None],
    folder: Path,
) -> Welcome:
    end = time.monotonic() + timeout_s
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"start-{re.sub(r'[^0-9A-Za-z]+', '-', address)}.lock")
        while not lock.try_acquire():
            on_status("Waiting for the server that another program starts…")
            welcome = _answer(session)
            if welcome is not None:
                return welcome
            if time.monotonic() >= end:
                raise ServerStartFailed(f"The server did not answer within {timeout_s:.0f} s.")
    except OSError as error:
        raise ServerStartFailed(
            "The server cannot be started: its log folder cannot be written to.",
            remedy=f"Check the folder {folder}.",
            detail=str(error),
        ) from error
    with lock:
        # Whoever held the lock may have started one meanwhile.
        welcome = _answer(session)
        if welcome is not None:
            return welcome
        on_status("Starting the server…")
        program = find_server_command() if command is None else command
        return _await(session, ServerProcess(program, address, folder), end, on_status)


def _await(
    session: Session, process: ServerProcess, end: float, on_status: Callable[[str], None]
) -> Welcome:
    started = time.monotonic()
    try:
        while True:
            ended = process.has_ended
            welcome = _answer(session)
            if welcome is not None:
                return welcome
            now = time.monotonic()
            if ended or now >= end:
                waited = f"did not answer within {now - started:.0f} s"
                raise ServerStartFailed(
                    f"The server {'ended while starting' if ended else waited}.",
                    remedy=f"Its log says why: {process.log_path}",
                    detail=process.last_log_line(),
                )
            on_status(f"Waiting for the server ({now - started:.0f} s)…")
    except BaseException:
        process.terminate()
        raise


def _answer(session: Session) -> Welcome | None:
    try:
        return session.hello(_HELLO_S)
    except (ServerUnreachable, ServerLost):
        return None
