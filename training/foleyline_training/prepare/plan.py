"""Which videos there are, and how they are shared out: the same for the same folder.

A unit is some videos that follow one another by name; one process does it whole, and a killed
preparation does again only the units that were not finished.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from foleyline_training.prepare.errors import PrepareError
from foleyline_training.prepare.lists import Listed

UNIT_BYTES = 128 << 20
"""A unit ends after the file with which it reaches this size ..."""
UNIT_FILES = 128
"""... or this many files."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the folder.

    Attributes:
        file: its path below the folder, with forward slashes.
        labels: what a list says is heard in it.
    """

    file: str
    bytes: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    number: int
    sources: tuple[Source, ...]

    @property
    def name(self) -> str:
        """Its folder's name."""
        return f"{self.number:06d}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All there is to do.

    Attributes:
        left_out: file to the sentence why it is not even opened.
        unlisted: files that the list does not name.
        missing: clips that the list names and the folder lacks.
    """

    units: tuple[Unit, ...]
    left_out: dict[str, str]
    unlisted: int = 0
    missing: int = 0

    @property
    def files(self) -> int:
        """Files to read."""
        return sum(len(unit.sources) for unit in self.units)


def make_plan(folder: Path, listed: Listed | None, out: Path) -> Plan:
    """Look through ``folder`` and everything below it, hidden files and ``out`` aside.

    Raises:
        PrepareError: there is nothing to read.
    """
    if not folder.is_dir():
        raise PrepareError(f"There is no folder {folder}.")
    found = sorted(_files(folder, out), key=lambda source: source.file)
    if listed is None:
        return _checked(Plan(_units(found), {}), folder)
    wanted, speech = [], {}
    for source in found:
        stem = Path(source.file).stem
        if stem in listed.speech:
            speech[source.file] = "Its list labels it Speech."
        elif stem in listed.labels:
            wanted.append(Source(source.file, source.bytes, listed.labels[stem]))
    unlisted = len(found) - len(wanted) - len(speech)
    missing = max(0, listed.clips - len(wanted))
    return _checked(Plan(_units(wanted), speech, unlisted, missing), folder)


def _checked(plan: Plan, folder: Path) -> Plan:
    if plan.units:
        return plan
    why = "none that the list names" if plan.unlisted or plan.missing else "none"
    raise PrepareError(f"{folder} should hold videos, but there is {why} in it.")


def _files(folder: Path, out: Path) -> Iterable[Source]:
    own = out.resolve()
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = [
            name for name in folders if not name.startswith(".") and (here / name).resolve() != own
        ]
        for name in names:
            path = here / name
            if not name.startswith(".") and path.is_file():
                yield Source(path.relative_to(folder).as_posix(), path.stat().st_size)


def _units(sources: Iterable[Source]) -> tuple[Unit, ...]:
    units: list[Unit] = []
    taken: list[Source] = []
    for source in sources:
        taken.append(source)
        if len(taken) == UNIT_FILES or sum(one.bytes for one in taken) >= UNIT_BYTES:
            units.append(Unit(len(units), tuple(taken)))
            taken = []
    if taken:
        units.append(Unit(len(units), tuple(taken)))
    return tuple(units)
