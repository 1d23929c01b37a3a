"""A stub server as a process of its own, to be killed and started again at one address."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).parents[1] / "fakes" / "stub_server.py"
END_S = 20.0


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


class StubProcess:
    """Runs from ``start`` to ``kill`` or ``close``; its jobs and takes stay in ``folder``."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.address = free_address()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def start(self, **process: Any) -> None:
        """Start it and wait until it listens; ``process`` is for Popen."""
        command = [sys.executable, str(PROGRAM), "--address", self.address]
        command += ["--data", str(self._folder), *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **process)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("LISTENING"), line

    def kill(self) -> None:
        """``kill -9``: it has no chance to tidy up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(END_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def suspend(self) -> None:
        """``kill -STOP``: it is there, but answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
            self.kill()
