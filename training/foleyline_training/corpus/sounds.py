"""Sounds from a folder with a licence table: one-shots cut to their onset, and lasting ones.

Only files with an allowed licence are used, and one-shots have a single onset. Recordings are
split into training and held-out by family (the same recording session, key or stem), so a
held-out sound has no near twin in training. Not here: placing sounds in time (`soundtrack`).
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from .materials import MATERIALS, Material
from .textures import even_loop

LICENCE_TABLE = "LICENSES.csv"
LONGEST_S = 1.2
"""Sounds are cut to this length, with a fade."""

_ALLOWED_LICENCES = re.compile(r"CC0-1\.0|public-domain|MIT|CC-BY-\d\.\d")
_HELD_OUT_SHARE = 0.2
_LEAST_HELD_OUT = 2
_PRE_ROLL_S = 0.002
_FADE_S = 0.06
_SHORTEST_S = 0.03
# A sound whose attack takes longer than this after its onset has no clear moment of contact.
_LATEST_ATTACK_S = 0.03
_ATTACK_LEVEL = 0.35
# The table's onsets lie on a 2 ms grid; a sound begins at the first sample this near its peak.
_HEARD_LEVEL = 0.1


class SoundTableError(ValueError):
    """The licence table is unusable: what is wrong, and in which row."""


@dataclass(frozen=True, slots=True)
class SoundRow:
    """A usable row of the licence table; `onset_s` in seconds from the file's start.

    `single`: it has exactly one onset.
    """

    file: str
    category: str
    licence: str
    author: str
    source: str
    url: str
    onset_s: float
    duration_s: float
    single: bool

    @property
    def family(self) -> str:
        """Recordings with the same family are takes of one thing."""
        stem = re.sub(r"\.[a-z0-9]+$", "", Path(self.file).name)
        if stem.startswith("fluid_"):
            return self.category + "/" + re.sub(r"kit\d+|_v\d+$", "", stem)
        return self.category + "/" + re.sub(r"[\d._-]+[a-z]?$", "", stem)


@dataclass(frozen=True, slots=True)
class Sound:
    """A one-shot: mono float32, peak 1, whose onset is sample `onset` (a few ms of lead-in)."""

    row: SoundRow
    samples: NDArray[np.float32]
    onset: int


class SoundLibrary:
    """All usable sounds of a folder at `rate_hz`, by material."""

    def __init__(self, folder: Path, rate_hz: int = 32000) -> None:
        """Read the table in `folder`.

        Raises: SoundTableError if a row's path leaves the folder or a column is missing.
        """
        self.folder = Path(folder).resolve()
        self.rate_hz = rate_hz
        self._loaded: dict[str, Sound] = {}
        self._rows: dict[str, tuple[tuple[SoundRow, ...], tuple[SoundRow, ...]]] = {}
        self._loops: dict[str, NDArray[np.float32]] = {}
        rows = read_table(self.folder)
        for material in MATERIALS:
            found = [row for row in rows if _belongs(row, material)]
            # One read of each file: only those with a sharp attack can be placed exactly, and
            # only even ones can last.
            load = self._load_loop if material.sustained else self._load
            found = [row for row in found if load(row)]
            self._rows[material.name] = split_families(found, lasting=material.sustained)

    def rows(self, material: str, held_out: bool) -> tuple[SoundRow, ...]:
        """Return the rows of a material's training or held-out sounds, sorted by file."""
        return self._rows[material][int(held_out)]

    def sound(self, row: SoundRow) -> Sound:
        """Return the sound of a row that `rows` gave.

        Raises: KeyError for any other row.
        """
        return self._loaded[row.file]

    def loop(self, row: SoundRow) -> NDArray[np.float32]:
        """Return the endless sound (samples,), RMS 1, of a row of a sustained material.

        Raises: KeyError for any other row.
        """
        return self._loops[row.file]

    def attributions(self, used_files: Iterable[str]) -> list[dict[str, str]]:
        """Return file, licence, author, source and url for each of `used_files`."""
        rows = {row.file: row for parts in self._rows.values() for part in parts for row in part}
        return [
            {
                "file": file,
                "licence": rows[file].licence,
                "author": rows[file].author,
                "source": rows[file].source,
                "url": rows[file].url,
            }
            for file in sorted(set(used_files))
        ]

    def _load(self, row: SoundRow) -> bool:
        if not row.single:
            return False
        sound = trim_to_onset(self._read(row), row, self.rate_hz)
        if sound is not None:
            self._loaded[row.file] = sound
        return sound is not None

    def _load_loop(self, row: SoundRow) -> bool:
        loop = even_loop(self._read(row), self.rate_hz)
        if loop is not None:
            self._loops[row.file] = loop
        return loop is not None

    def _read(self, row: SoundRow) -> NDArray[np.float32]:
        samples, rate_hz = soundfile.read(self.folder / row.file, dtype="float32", always_2d=True)
        mono = samples.mean(axis=1)
        if rate_hz != self.rate_hz:
            mono = soxr.resample(mono, rate_hz, self.rate_hz)
        return np.asarray(mono, dtype=np.float32)


def read_table(folder: Path) -> list[SoundRow]:
    """Read the rows with an allowed licence, sorted by file.

    Raises: SoundTableError if a path leaves `folder` or a column is missing.
    """
    rows: list[SoundRow] = []
    with (folder / LICENCE_TABLE).open(newline="", encoding="utf-8") as table:
        for number, cells in enumerate(csv.DictReader(table), start=2):
            try:
                if not _ALLOWED_LICENCES.fullmatch(cells["licence"]):
                    continue
                row = SoundRow(
                    cells["file"],
                    cells["category"],
                    cells["licence"],
                    cells["author"],
                    cells["source"],
                    cells["url"],
                    float(cells["onset_s"]),
                    float(cells["duration"]),
                    cells["n_onsets"] == "1",
                )
            except (KeyError, ValueError) as error:
                raise SoundTableError(f"{LICENCE_TABLE} row {number}: {error!r}") from error
            if not (folder / row.file).resolve().is_relative_to(folder.resolve()):
                raise SoundTableError(f"{LICENCE_TABLE} row {number}: path leaves the folder")
            rows.append(row)
    return sorted(rows, key=lambda row: row.file)


def split_families(
    rows: list[SoundRow], *, lasting: bool = False
) -> tuple[tuple[SoundRow, ...], tuple[SoundRow, ...]]:
    """Split rows into training and held-out, whole families at a time, by a hash of their names.

    About a fifth is held out, at least two rows where that leaves anything to train on.
    Every `lasting` recording is a family of its own: numbered streams are different streams.
    """
    families: dict[str, list[SoundRow]] = {}
    for row in rows:
        families.setdefault(row.file if lasting else row.family, []).append(row)
    order = sorted(families, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    wanted = max(_LEAST_HELD_OUT, round(_HELD_OUT_SHARE * len(rows)))
    held: set[str] = set()
    count = 0
    for name in order:
        size = len(families[name])
        if count < wanted and count + size <= max(wanted * 1.5, _LEAST_HELD_OUT):
            held.add(name)
            count += size
    if count == len(rows):
        held = set()
    out = {row.file for name in held for row in families[name]}
    return (
        tuple(row for row in rows if row.file not in out),
        tuple(row for row in rows if row.file in out),
    )


def trim_to_onset(mono: NDArray[np.float32], row: SoundRow, rate_hz: int) -> Sound | None:
    """Cut `mono` (samples,) to its onset, with a short lead-in, at most LONGEST_S, peak 1.

    Return None for a sound that is silent, too short, or too slow to start.
    """
    onset = min(round(row.onset_s * rate_hz), mono.size)
    level = np.abs(mono[onset : onset + round(LONGEST_S * rate_hz)])
    if level.size:
        onset += int(np.argmax(level >= _HEARD_LEVEL * level.max()))
    lead = min(onset, round(_PRE_ROLL_S * rate_hz))
    cut = mono[onset - lead : onset + round(LONGEST_S * rate_hz)].astype(np.float32).copy()
    peak = float(np.abs(cut).max(initial=0.0))
    if peak < 1e-4 or cut.size < _SHORTEST_S * rate_hz:
        return None
    cut /= peak
    attack = int(np.argmax(np.abs(cut) >= _ATTACK_LEVEL)) - lead
    if attack > _LATEST_ATTACK_S * rate_hz:
        return None
    if lead:
        cut[:lead] *= np.linspace(0, 1, lead, endpoint=False, dtype=np.float32)
    fade = min(cut.size // 2, round(_FADE_S * rate_hz))
    cut[cut.size - fade :] *= np.linspace(1, 0, fade, dtype=np.float32) ** 2
    return Sound(row, cut, lead)


def _belongs(row: SoundRow, material: Material) -> bool:
    return row.category in material.categories and not any(
        part in row.file for part in material.excluded
    )
