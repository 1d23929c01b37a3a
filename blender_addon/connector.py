"""From an order to a session: the one place that knows the client's launcher. No bpy here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from foleyline_client import launcher
from foleyline_client.key_file import read_key
from foleyline_client.server_process import find_server_command
from foleyline_contract.errors import ServerStartFailed, ServerUnreachable
from foleyline_contract.messages import Welcome

from .line import SessionLike
from .notices import Connect

INSTALL_REMEDY = "Install the server (see README) and set its path in the add-on's preferences."


def connect(order: Connect, on_status: Callable[[str], None]) -> tuple[SessionLike, Welcome]:
    """Connect as ordered; blocks, and tells ``on_status`` what it waits for.

    Raises:
        FoleyError: there is no connection; ``on_status`` may raise Cancelled to stop it.
    """
    on_status("Looking for the server…")
    key = read_key(Path(order.key)) if order.key else None
    if not order.start:
        return launcher.connect(order.address, key=key)
    try:
        return launcher.connect(order.address, key=key)
    except ServerUnreachable:
        command = server_command(order.program)
    return launcher.connect_or_start(order.address, command=command, on_status=on_status)


def server_command(wanted: str) -> list[str]:
    """The server's program: the wanted one, or found where it is usually installed.

    Raises:
        ServerStartFailed: there is none; the remedy names the preferences.
    """
    if not wanted:
        try:
            return find_server_command()
        except ServerStartFailed as error:
            raise ServerStartFailed(error.message, remedy=INSTALL_REMEDY) from error
    path = Path(wanted).expanduser()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ServerStartFailed(
            f"The server program {path.name!r} is not where the preferences say.",
            remedy="Correct its path in the add-on's preferences, or leave it empty.",
        )
    return [str(path)]
