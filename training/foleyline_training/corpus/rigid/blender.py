"""The process that runs `stage` inside Blender, seen from outside."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

_PACKAGES = Path(__file__).resolve().parents[3]
_STAGE = "foleyline_training.corpus.rigid.stage"


class BlenderError(RuntimeError):
    """Blender is not there or ended; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Order:
    """A scene to make; `stage` says what each field is."""

    seed: int
    collection: str
    duration_s: float
    source_fps: float
    frames: list[int]
    size_px: int
    samples: int
    folder: str
    gap_s: float
    least_contacts: int


class Blender:
    """Blender as a module of another Python, kept running from scene to scene."""

    def __init__(self, python: Path, log: Path) -> None:
        """Start it; what it complains about goes to `log`.

        Raises: BlenderError if `python` cannot be run or has no bpy.
        """
        self._python, self._log, self._crashed = python, log, False
        self._process = self._started()
        try:
            self._answer()
        except BlenderError as error:
            self.close()
            if "bpy" in log.read_text(encoding="utf-8", errors="replace"):
                raise BlenderError(f"{python} has no module bpy. {_REMEDY}") from error
            raise

    def _started(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(_PACKAGES), "PYTHONNOUSERSITE": "1"}
        try:
            with self._log.open("ab") as complaints:
                return subprocess.Popen(
                    [str(self._python), "-m", _STAGE],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    text=True,
                    env=environment,
                )
        except OSError as error:
            raise BlenderError(f"{self._python} does not run: {error}. {_REMEDY}") from error

    def make(self, order: Order) -> dict[str, Any]:
        """Have a scene made; return what `stage` answers.

        A scene at which Blender crashes is refused, and Blender is started anew.
        Raises: BlenderError if it ends twice in a row.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asdict(order)) + "\n")
            self._process.stdin.flush()
            answer = self._answer()
        except (BrokenPipeError, BlenderError) as error:
            ended = self._ended()
            self.close()
            if self._crashed:
                raise ended from error
            self._crashed = True
            self._process = self._started()
            self._answer()
            return {"refused": str(ended)}
        self._crashed = False
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        return json.loads(line)

    def _ended(self) -> BlenderError:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = lines[-1] if lines else f"exit status {self._process.wait()}"
        return BlenderError(f"Blender ended: {last}. {self._log} has more; run the command again.")

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def __enter__(self) -> Blender:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


_REMEDY = (
    "Make an environment that has it (python3.11 -m venv blender && "
    "blender/bin/pip install 'bpy==4.5.*') and say --bpy blender/bin/python."
)
