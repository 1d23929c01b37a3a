"""Blenders without a window, and a server with the stub engine, for run_kills and run_shots."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from run import HERE, REAL_BLENDER, ROOT, SUITES, bpy_python, build, free_address


class Blenders:
    """Starts Blenders of one kind that run a script in a folder.

    The script gets a step, the server's address, the extension's archive and a number.
    """

    def __init__(self, kind: str, script: str, work: Path, address: str) -> None:
        self._work, self._arguments = work, [address, str(build(work))]
        script = str(HERE / script)
        if kind in SUITES:
            self._command = [str(REAL_BLENDER), kind, "--", "-b", "--python", script, "--"]
            self._environment = {
                **os.environ,
                "REAL_BLENDER_HOME": str(work / "home"),
                "REAL_BLENDER_BIND": str(ROOT),
            }
        else:
            self._command = [bpy_python(kind), script, "--"]
            self._environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(work),
                "BLENDER_USER_RESOURCES": str(work / "user"),
            }

    def start(self, step: str, seed: int = 0) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._command, step, *self._arguments, str(seed)], cwd=self._work,
            env=self._environment, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, step: str) -> list[str]:
        """A step to its end; its lines."""
        with self.start(step) as process:
            assert process.stdout is not None
            lines = [line.rstrip() for line in process.stdout]
        if "DONE" not in lines:
            raise SystemExit("\n".join(lines[-30:]))
        return lines


@contextmanager
def stub_server(work: Path, job_s: float) -> Iterator[str]:
    """A server for as long as this lasts; its address."""
    address = free_address()
    command = [sys.executable, str(ROOT / "tests/fakes/stub_server.py"), "--address", address]
    command += ["--job-s", str(job_s), "--data", str(work / "server")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()
