"""From a folder of videos to shards with an index; the story, top to bottom.

    DATA/index.json          what there is; written last, so a folder that has it is complete
    DATA/skipped.csv         files that are not in it, each with its reason
    DATA/shards/UNIT/N/      the shards; shards.py says what is in them
    DATA/shards/UNIT/unit.json
    DATA/plan.json           what was asked for; the same command goes on, another is refused

The same videos and settings give the same bytes, however often it was killed on the way.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foleyline_training.prepare.arguments import UNKNOWN_LICENCE
from foleyline_training.prepare.clips import ClipSpec
from foleyline_training.prepare.errors import PrepareError
from foleyline_training.prepare.lists import Listed
from foleyline_training.prepare.plan import Plan, Unit, make_plan
from foleyline_training.prepare.shards import write_json
from foleyline_training.prepare.units import DRAFTS, SHARDS, UNIT_RECORD, Heard, Job
from foleyline_training.prepare.workers import CONDEMNED, do_units

log = logging.getLogger(__name__)

DATA_FORMAT = 1
"""Raise it when the same videos no longer give the same shards."""
INDEX, SKIPPED = "index.json", "skipped.csv"
_PLAN, _CONDEMNED = "plan.json", "condemned.json"
THREADS_MAX = 4
"""Of a decoder: with more, large pictures cost more memory than time is won."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        folder: where the videos are, at any depth.
        out: where the shards go.
        listed: what a list says of them.
        shard_clips: clips in a shard, at most.
        licence, author: whose the videos are; for the attribution of what is trained on them.
    """

    folder: Path
    out: Path
    spec: ClipSpec
    listed: Listed | None = None
    shard_clips: int = 128
    workers: int = 1
    licence: str = UNKNOWN_LICENCE
    author: str = ""


@dataclass(slots=True)
class Progress:
    """How far it is.

    Attributes:
        files: in all.
        done: ended, skipped ones included.
        clips: made since the start of this call.
    """

    files: int
    done: int = 0
    clips: int = 0
    skipped: int = 0


def prepare(request: Request, show: Callable[[Progress], None] = lambda _: None) -> dict[str, Any]:
    """Prepare a folder; goes on where an earlier call was killed.

    Returns:
        the index, as it stands in ``index.json``.

    Raises:
        PrepareError: it cannot be done; the text says why.
    """
    out = request.out
    if out.resolve() == request.folder.resolve():
        raise PrepareError("The shards cannot go into the folder of the videos itself.")
    plan = make_plan(request.folder, request.listed, out)
    try:
        asked = _settle(request, plan)
        if (out / INDEX).is_file():
            log.info("%s: already prepared", out)
            return json.loads((out / INDEX).read_text(encoding="utf-8"))
        shutil.rmtree(out / DRAFTS, ignore_errors=True)
        _read_videos(request, plan, show)
        return _finish(request, plan, asked)
    except OSError as error:
        raise PrepareError(
            f"{error.filename or out}: {error.strerror or error}. Make room or choose another "
            "place; the same command goes on where it stopped."
        ) from error


def _settle(request: Request, plan: Plan) -> dict[str, Any]:
    """Write down what is asked for, or check that it is what was asked for before."""
    sources = [[s.file, s.bytes, *s.labels] for unit in plan.units for s in unit.sources]
    asked: dict[str, Any] = {
        "format": DATA_FORMAT,
        "spec": request.spec.as_json(),
        "shard_clips": request.shard_clips,
        "videos": request.folder.resolve().name,
        "licence": request.licence,
        "author": request.author,
        "sources": hashlib.sha256(json.dumps(sources).encode()).hexdigest(),
    }
    path = request.out / _PLAN
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8")) != asked:
            raise PrepareError(
                f"{request.out} was begun with other videos or settings: use another folder."
            )
        return asked
    request.out.mkdir(parents=True, exist_ok=True)
    if any(request.out.iterdir()):
        raise PrepareError(f"{request.out} is not empty: use another folder.")
    write_json(path, asked)
    return asked


def _read_videos(request: Request, plan: Plan, show: Callable[[Progress], None]) -> None:
    out, progress = request.out, Progress(plan.files)
    condemned = _condemned(out)
    todo: list[Unit] = []
    for unit in plan.units:
        if _record(out, unit).is_file():
            progress.done += len(unit.sources)
        else:
            todo.append(unit)
    threads = max(1, min(THREADS_MAX, (os.cpu_count() or 1) // max(1, request.workers)))

    def job_for(unit: Unit) -> Job:
        return Job(
            unit, request.folder, out, request.spec, request.shard_clips, threads, dict(condemned)
        )

    def heard(said: Heard) -> None:
        progress.done += said.ended
        progress.skipped += said.ended and said.skipped
        progress.clips += said.ended * said.clips
        show(progress)

    def condemn(file: str) -> None:
        condemned[file] = CONDEMNED
        write_json(out / _CONDEMNED, condemned)

    do_units(todo, job_for, request.workers, heard, condemn)


def _finish(request: Request, plan: Plan, asked: dict[str, Any]) -> dict[str, Any]:
    """Gather the units' records; the index comes last."""
    shards: list[dict[str, Any]] = []
    skipped = dict(plan.left_out)
    for unit in plan.units:
        record = json.loads(_record(request.out, unit).read_text(encoding="utf-8"))
        skipped |= record["skipped"]
        for shard in record["shards"]:
            shards.append({**shard, "path": f"{SHARDS}/{unit.name}/{shard['path']}"})
    _write_skipped(request.out / SKIPPED, skipped)
    if not shards:
        raise PrepareError(
            f"None of the {plan.files} files can be used; {request.out / SKIPPED} says why."
        )
    index = {
        **asked,
        "clips": sum(shard["clips"] for shard in shards),
        "files": plan.files,
        "skipped": len(skipped),
        "unlisted": plan.unlisted,
        "missing": plan.missing,
        "materials": [],
        "shards": shards,
    }
    shutil.rmtree(request.out / DRAFTS, ignore_errors=True)
    write_json(request.out / INDEX, index)
    return index


def _record(out: Path, unit: Unit) -> Path:
    return out / SHARDS / unit.name / UNIT_RECORD


def _condemned(out: Path) -> dict[str, str]:
    path = out / _CONDEMNED
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write_skipped(path: Path, skipped: dict[str, str]) -> None:
    # Names of files need not be text.
    draft = path.with_name(path.name + ".part")
    with draft.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        table = csv.writer(stream)
        table.writerow(("file", "reason"))
        table.writerows(sorted(skipped.items()))
    draft.replace(path)


class ProgressLine:
    """Progress for people: one line that changes in a terminal, a line now and then elsewhere.

    Args:
        write: is given text; what it replaces when ``live``.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        live: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._live, self._clock = write, live, clock
        self._started = self._shown_at = clock()
        self._done_before: int | None = None
        self._shown = ""

    def __call__(self, progress: Progress) -> None:
        """Show it, if it is time."""
        now = self._clock()
        if self._done_before is None:
            self._done_before = progress.done
        if now - self._shown_at < (0.2 if self._live else 30.0) and progress.done < progress.files:
            return
        self._shown_at = now
        text = f"{progress.done} of {progress.files} files, {progress.clips} clips"
        if progress.skipped:
            text += f", {progress.skipped} skipped"
        since = progress.done - self._done_before
        if since and progress.done < progress.files:
            left_s = (now - self._started) / since * (progress.files - progress.done)
            text += f", about {left_s / 60:.0f} min left"
        if text != self._shown:
            self._write(f"\r{text:<70}" if self._live else f"{text}\n")
        self._shown = text

    def end(self) -> None:
        """Leave the line as it is."""
        if self._live:
            self._write("\n")
