"""A server process on this machine: where its program and its log are, starting it.

It outlives the program that started it: other clients may be using it by then.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from foleyline_contract.errors import ServerStartFailed

SERVER_PROGRAM = "foley-server"
_LOG_NAME = "server.log"
_LOG_MAX_BYTES = 4 << 20
_LOG_TAIL_BYTES = 8 << 10


def log_folder(
    platform: str = sys.platform, environ: Mapping[str, str] = os.environ, home: Path | None = None
) -> Path:
    """Where this user's logs lie, by the platform's own rules; not made yet."""
    home = Path.home() if home is None else home
    if platform == "win32":
        local = environ.get("LOCALAPPDATA", "")
        return (Path(local) if local else home / "AppData" / "Local") / "Foleyline" / "Logs"
    if platform == "darwin":
        return home / "Library" / "Logs" / "Foleyline"
    state = environ.get("XDG_STATE_HOME", "")
    # The rule says that a relative path is to be ignored.
    return (Path(state) if state.startswith("/") else home / ".local" / "state") / "foleyline"


def find_server_command() -> list[str]:
    """The server's program: beside this Python, on PATH, or where user tools are installed.

    Raises:
        ServerStartFailed: it is in none of these places.
    """
    beside = str(Path(sys.executable).parent)
    tools = str(Path.home() / ".local" / "bin")  # not on PATH of programs started from a dock
    for folders in (beside, None, tools):
        found = shutil.which(SERVER_PROGRAM, path=folders)
        if found is not None:
            return [found]
    raise ServerStartFailed(
        "The Foleyline server is not installed on this machine, or cannot be found.",
        remedy="Install it, or say where 'foley-server' is.",
    )


class ServerProcess:
    """A server that was started here.

    Raises:
        ServerStartFailed: the program cannot be run.
    """

    def __init__(self, command: Sequence[str], address: str, folder: Path) -> None:
        self.log_path = folder / _LOG_NAME
        with suppress(OSError):  # another server may hold the log open
            if self.log_path.stat().st_size > _LOG_MAX_BYTES:
                self.log_path.replace(self.log_path.with_suffix(".old.log"))
        try:
            with self.log_path.open("ab") as log:
                self._log_start = log.seek(0, os.SEEK_END)
                arguments = [_settled(command[0]), *command[1:], "--address", address]
                self._process = _start(arguments, log.fileno(), folder)
        except OSError as error:
            raise ServerStartFailed(
                "The Foleyline server could not be started.", detail=str(error)
            ) from error
        # Collects the exit status, so that a server that ends is not left as a zombie.
        threading.Thread(target=self._process.wait, name="foley-server", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def terminate(self) -> None:
        """End it, and whatever it started itself."""
        if self.has_ended:
            return
        with suppress(OSError):
            if sys.platform == "win32":
                self._process.terminate()
            else:
                os.killpg(self._process.pid, signal.SIGTERM)

    def last_log_line(self) -> str:
        """The last line this server wrote, without its time stamp's colours; may be empty."""
        with suppress(OSError), self.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _LOG_TAIL_BYTES))
            text = re.sub(r"\x1b\[[0-9;]*m", "", log.read().decode("utf-8", "replace"))
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return lines[-1] if lines else ""
        return ""


def _settled(program: str) -> str:
    """A program named by a path keeps its meaning in another working folder."""
    return str(Path(program).absolute()) if Path(program).name != program else program


def _start(command: list[str], log: int, folder: Path) -> subprocess.Popen[bytes]:
    if sys.platform == "win32":
        # Not DETACHED_PROCESS: the program's launcher starts Python, which would then open
        # a console window of its own.
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
            creationflags=flags,
        )  # fmt: skip
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
        start_new_session=True,
    )  # fmt: skip
