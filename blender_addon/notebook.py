"""What must be known to put a job's takes in their place, on disk until they lie there.

The server keeps jobs and takes; where on the timeline a take belongs only the add-on knows.
A note is written before its job is sent and thrown away when the job is acknowledged, so
that neither a crash nor an unsaved file loses it. No bpy here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from foleyline_contract.errors import OutputUnwritable

_JOB_ID_MAX_CHARS = 64
_TYPES = {"str": str, "int": int, "bool": bool, "tuple[Place, ...]": tuple}


@dataclass(frozen=True, slots=True)
class Place:
    """A picture strip and where it was at the click; as ``anchors.Anchor``, which knows bpy."""

    strip_id: str
    name: str
    path: str
    content_start_frame: int
    first_frame: int
    end_frame: int
    scene_name: str


@dataclass(frozen=True, slots=True)
class Note:
    """Where a job's takes belong."""

    job_id: str
    places: tuple[Place, ...]
    """Strips that show the very same picture get the same takes."""
    project: str
    """Name of the .blend file, without its folder; empty while it is unsaved."""
    target: str
    """Absolute path of the takes, with ``{seed}`` and ``{take}`` still in it."""
    channel: int = 0
    """0: the nearest free one."""
    before_frames: int = 0
    """Handles: what the clip has before the first visible frame."""
    after_frames: int = 0
    fade_frames: int = 0
    pack: bool = False

    @property
    def label(self) -> str:
        """What the artist calls the strip."""
        return self.places[0].name

    @property
    def frames(self) -> int:
        """Timeline frames of the clip."""
        place = self.places[0]
        return place.end_frame - place.first_frame + self.before_frames + self.after_frames


T = TypeVar("T", "Place", "Note")


class Notebook:
    """A folder of notes, one small file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, note: Note) -> None:
        """Keep a note.

        Raises:
            OutputUnwritable: the folder cannot be written to.
        """
        path = self._path(note.job_id)
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(asdict(note)), encoding="utf-8")
            part.replace(path)
        except OSError as error:
            raise OutputUnwritable(
                "The extension's own folder cannot be written to.", detail=str(error)
            ) from error

    def read(self, job_ids: Iterable[str]) -> dict[str, Note]:
        """The notes there are about these jobs; a damaged one counts as none."""
        found = ((job_id, _read(self._path(job_id))) for job_id in job_ids if _is_id(job_id))
        return {job_id: note for job_id, note in found if note is not None}

    def all(self) -> list[Note]:
        """All notes, in no order."""
        with suppress(OSError):
            return [note for path in self._folder.glob("*.json") if (note := _read(path))]
        return []

    def drop(self, job_ids: Iterable[str]) -> None:
        """Throw notes away."""
        for job_id in job_ids:
            if _is_id(job_id):
                with suppress(OSError):
                    self._path(job_id).unlink(missing_ok=True)

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.json"


def _is_id(job_id: str) -> bool:
    """Ids come over the wire and become file names here."""
    return job_id.isascii() and job_id.isalnum() and len(job_id) <= _JOB_ID_MAX_CHARS


def _read(path: Path) -> Note | None:
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
        places = tuple(_checked(Place, place) for place in value["places"])
        note = _checked(Note, {**value, "places": places})
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None
    return note if note.job_id == path.stem and note.places else None


def _checked(kind: type[T], entries: Mapping[str, Any]) -> T:
    """The dataclass from its entries; unknown ones are left out.

    Raises:
        TypeError: an entry is missing, or of the wrong type.
    """
    known = {f.name: entries[f.name] for f in fields(kind) if f.name in entries}
    made = kind(**known)
    for field in fields(kind):
        if type(getattr(made, field.name)) is not _TYPES[str(field.type)]:
            raise TypeError(field.name)
    return made
