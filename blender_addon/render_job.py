"""A second Blender at work on shots: started, watched, ended. No bpy here.

Nothing here waits: ``poll`` reads what the other one has written so far, so it may be called
from a timer. What it writes goes to a file, which cannot fill up as a pipe does.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foleyline_contract.errors import Cancelled, FoleyError, OutputUnwritable, RenderFailed
from foleyline_contract.messages import Clip

from .shot import FrameSize, Shot

log = logging.getLogger(__name__)

STALLED_S = 300.0
"""Without a frame for this long, the other Blender is ended; a first frame may compile shaders."""
_END_S = 1.0
_WORK_PREFIX = "work-"
_KEEP_WORK_S = 24 * 3600
_KEEP_MOVIES_S = 30 * 24 * 3600
"""Longer than a job waits in a server's queue; the strip is rendered again when it is wanted."""
_MARK = "FOLEYLINE "
_TAIL_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """A shot's movie, or why there is none."""

    shot: Shot
    clip: Clip | None = None
    error: FoleyError | None = None


class RenderJob:
    """Shots being rendered, one after the other, by one other Blender.

    Args:
        command: how to start it with the script; ``-- JOB.json`` is added.
        work: an empty folder of its own, with the snapshot in it; removed at the end.
        movies: folder that takes the finished movies.
        shots: each with the scene's name in the snapshot and the size to render.

    Raises:
        RenderFailed: it cannot be started.
        OutputUnwritable: the folder cannot be written to.
    """

    def __init__(
        self,
        command: Sequence[str],
        work: Path,
        movies: Path,
        shots: Sequence[tuple[Shot, str, FrameSize]],
    ) -> None:
        self._work, self._movies = work, movies
        self._waiting = {number: shot for number, (shot, _, _) in enumerate(shots)}
        self._frames = sum(shot.frames for shot, _, _ in shots)
        self._frames_done = 0
        self._read_bytes = 0
        self._heard_s = time.monotonic()
        self._cancelled = False
        self.ended = False
        """Whether ``poll`` has told the outcome of every shot."""
        job_path = work / "job.json"
        try:
            job_path.write_text(json.dumps(_order(work, shots)), encoding="utf-8")
            with (work / "log.txt").open("wb") as output:
                self._process = _start([*command, "--", str(job_path)], work, output)
        except OSError as error:
            shutil.rmtree(work, ignore_errors=True)
            raise RenderFailed(
                "Blender could not be started a second time to render strips.", detail=str(error)
            ) from error

    @property
    def fraction(self) -> float:
        """How much of the frames is rendered, 0 to 1."""
        return min(1.0, self._frames_done / max(1, self._frames))

    def poll(self) -> list[Outcome]:
        """Outcomes that are new since the last call; never waits. Call it until ``ended``."""
        if self.ended:
            return []
        gone = self._process.poll() is not None  # first: what it wrote before is read below
        outcomes = [self._outcome(line) for line in self._new_lines()]
        news = [outcome for outcome in outcomes if outcome is not None]
        if gone:
            news += self._give_up()
            self._finish()
        elif time.monotonic() - self._heard_s > STALLED_S:
            log.warning("rendering stalled: %s", self._log_tail())
            self._kill()
        return news

    def cancel(self) -> None:
        """End it at once; ``poll`` then tells ``Cancelled`` for every shot that is left."""
        self._cancelled = True
        self._kill()

    def abandon(self) -> None:
        """End it and ask for nothing more: the add-on or the file is going away."""
        self._kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._finish()

    # ---- what it says ------------------------------------------------------------------

    def _new_lines(self) -> list[str]:
        """Its own lines written since the last call; a line that is not whole yet waits."""
        with (self._work / "log.txt").open("rb") as file:
            file.seek(self._read_bytes)
            whole, end, _ = file.read().rpartition(b"\n")
        self._read_bytes += len(whole) + len(end)
        lines = whole.decode(errors="replace").splitlines()
        return [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]

    def _outcome(self, line: str) -> Outcome | None:
        self._heard_s = time.monotonic()
        word, _, rest = line.partition(" ")
        if word == "frame":
            self._frames_done += 1
            return None
        number, _, said = rest.partition(" ")
        shot = self._waiting.pop(int(number))
        if word == "failed":
            return Outcome(shot, error=_render_failed(shot, said))
        try:
            return Outcome(shot, clip=shot.clip_at(self._take_in(f"{number}.mp4", said)))
        except OSError as error:
            reason = f"The rendered picture of the strip '{shot.strip_name}' could not be kept."
            return Outcome(shot, error=OutputUnwritable(reason, detail=str(error)))

    def _take_in(self, name: str, digest: str) -> Path:
        """Move a movie to where it stays, named by its content: the same picture, one file."""
        self._movies.mkdir(parents=True, exist_ok=True)
        kept = self._movies / f"{digest[:32]}.mp4"
        (self._work / name).replace(kept)
        return kept

    def _give_up(self) -> list[Outcome]:
        """It is gone: what is still waiting will not come."""
        left, tail = list(self._waiting.values()), self._log_tail()
        if self._cancelled:
            return [Outcome(shot, error=Cancelled("Cancelled.")) for shot in left]
        if left:
            log.warning("rendering ended early: %s", tail)
        return [Outcome(shot, error=_render_failed(shot, tail)) for shot in left]

    def _log_tail(self) -> str:
        with suppress(OSError):
            return (self._work / "log.txt").read_text(errors="replace")[-_TAIL_CHARS:]
        return ""

    # ---- the process -------------------------------------------------------------------

    def _kill(self) -> None:
        if self._process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            if os.name == "posix":
                # Blender may be started through a script: end all that this one started.
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def _finish(self) -> None:
        self.ended = True
        self._waiting.clear()
        shutil.rmtree(self._work, ignore_errors=True)


def clear_leftovers(movies: Path) -> None:
    """Remove what a crash left behind and movies that nobody needs any more.

    Folders of other Blenders that are at work now are younger than what is removed.
    """
    now_s = time.time()
    for entry in movies.iterdir() if movies.is_dir() else ():
        with suppress(OSError):  # another Blender may be clearing up as well
            age_s = now_s - entry.stat().st_mtime
            if entry.name.startswith(_WORK_PREFIX) and age_s > _KEEP_WORK_S:
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.suffix == ".mp4" and age_s > _KEEP_MOVIES_S:
                entry.unlink()


def work_folder(movies: Path, token: str) -> Path:
    """Make a folder for one job beside the movies, where moving them costs nothing.

    Raises:
        OutputUnwritable: it cannot be made.
    """
    work = movies / f"{_WORK_PREFIX}{token}"
    try:
        work.mkdir(parents=True)
    except OSError as error:
        raise OutputUnwritable(
            "The folder for rendered strips cannot be written to.", detail=str(error)
        ) from error
    return work


def _order(work: Path, shots: Sequence[tuple[Shot, str, FrameSize]]) -> dict[str, Any]:
    return {
        "snapshot": str(work / "snapshot.blend"),
        "shots": [
            {
                "scene": scene_name,
                "strip": shot.strip_name,
                "shown": shot.shown,
                "first_frame": shot.first_frame,
                "end_frame": shot.end_frame,
                "width_px": size.width_px,
                "height_px": size.height_px,
                "percentage": size.percentage,
            }
            for shot, scene_name, size in shots
        ],
    }


def _start(command: list[str], work: Path, output: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
    return subprocess.Popen(
        command,
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _render_failed(shot: Shot, detail: str) -> RenderFailed:
    return RenderFailed(
        f"Blender could not render the picture of the strip '{shot.strip_name}'.", detail=detail
    )
