"""One unit from its videos to its finished folder, in the process that was given it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foleyline_training.prepare.clips import ClipSpec, iter_clips
from foleyline_training.prepare.errors import VideoUnusable
from foleyline_training.prepare.plan import Source, Unit
from foleyline_training.prepare.shards import UnitWriter, write_json

SHARDS, DRAFTS, UNIT_RECORD = "shards", "drafts", "unit.json"


@dataclass(frozen=True, slots=True)
class Job:
    """What a process has to know to do a unit.

    Attributes:
        folder: where the videos are.
        out: where the shards go.
        threads: that decode a picture.
        condemned: file to the sentence why it is not opened again.
    """

    unit: Unit
    folder: Path
    out: Path
    spec: ClipSpec
    shard_clips: int
    threads: int
    condemned: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Heard:
    """What is heard of a job while it goes on.

    Attributes:
        file: the one that is read now; none once the unit is finished.
        clips: clips made of this file so far.
        skipped: whether it has turned out to be of no use.
        ended: whether that was all of the file.
    """

    file: str | None
    clips: int = 0
    skipped: bool = False
    ended: bool = False


def write_unit(job: Job, tell: Callable[[Heard], None]) -> None:
    """Write the unit's shards and its record; its folder appears whole or not at all."""
    final = job.out / SHARDS / job.unit.name
    draft = job.out / DRAFTS / f"{job.unit.name}-{os.getpid()}"
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(parents=True)
    with UnitWriter(draft, job.spec, job.shard_clips) as writer:
        skipped = {
            source.file: reason
            for source in job.unit.sources
            if (reason := _add(source, job, writer, tell))
        }
        write_json(draft / UNIT_RECORD, {"shards": writer.finish(), "skipped": skipped})
    final.parent.mkdir(exist_ok=True)
    try:
        draft.replace(final)
    except OSError:
        # Another process, of a preparation that was thought dead, was first: with the same bytes.
        if not (final / UNIT_RECORD).is_file():
            raise
        shutil.rmtree(draft)
    tell(Heard(None))


def _add(source: Source, job: Job, writer: UnitWriter, tell: Callable[[Heard], None]) -> str | None:
    """Add all clips of a video, or none and return why."""
    tell(Heard(source.file))
    before, reason = writer.clips, None
    try:
        if source.file in job.condemned:
            raise VideoUnusable(job.condemned[source.file])
        clips = iter_clips(job.folder / source.file, job.spec, job.threads)
        for made, clip in enumerate(clips, start=1):
            described = {"file": source.file, "start_s": str(clip.start_s), "labels": source.labels}
            writer.append(clip, described)
            tell(Heard(source.file, made))
    except VideoUnusable as error:
        writer.truncate(before)
        reason = str(error)
    made = writer.clips - before
    tell(Heard(source.file, made, skipped=reason is not None, ended=True))
    return reason
