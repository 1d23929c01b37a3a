"""The table of sounds that Debian packages carry, and whether a file is the one it describes."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).with_name("debian_sounds.csv")
LEVEL_PARTS = 8
"""A file's loudness is noted in so many equal parts."""

_LICENCES = re.compile(r"CC0-1\.0|public-domain|MIT|CC-BY-\d\.\d")
_SOURCE = re.compile(r"apt:(?P<package>[a-z0-9][a-z0-9+.-]+)=(?P<version>[A-Za-z0-9.+~:-]+)( .*)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LEVEL_TOLERANCE = (2.0, 0.02)
_FRAMES_TOLERANCE = 0.01


class SoundPackageError(Exception):
    """A sound cannot be rebuilt: what happened and what to do, in one sentence."""


@dataclass(frozen=True, slots=True)
class PackagedSound:
    """A row: `file` below the library, `source_path` in the package, how it has to come out.

    `source_sha256`: of the bytes in the package (of a note: of the soundfont). `frames` samples
    at 44.1 kHz; `levels`: RMS of eight equal parts in units of the last of 16 bits.
    """

    file: str
    category: str
    licence: str
    author: str
    source: str
    source_path: str
    url: str
    duration: str
    onset_s: str
    n_onsets: str
    frames: int
    source_sha256: str
    pcm_sha256: str
    levels: tuple[int, ...]

    @property
    def package(self) -> str:
        """The Debian package's name."""
        return _match(_SOURCE, self.source, self.file)["package"]

    @property
    def version(self) -> str:
        """The package's version the table was made with."""
        return _match(_SOURCE, self.source, self.file)["version"]


LICENCE_COLUMNS = (
    "file", "category", "licence", "author", "source", "source_path", "url", "duration",
    "onset_s", "n_onsets",
)  # fmt: skip
"""The columns of a library's LICENSES.csv."""
COLUMNS = (*LICENCE_COLUMNS, "frames", "source_sha256", "pcm_sha256", "levels")


def read_sounds(path: Path = TABLE) -> list[PackagedSound]:
    """Read the table.

    Raises: SoundPackageError for a missing column, a path that leaves the library, a licence
    other than CC0, public domain, MIT and CC-BY, or a malformed cell; it names the row.
    """
    with path.open(newline="", encoding="utf-8") as table:
        reader = csv.DictReader(table)
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise SoundPackageError(f"{path.name} has no column {', '.join(sorted(missing))}.")
        return [_sound(cells, f"{path.name} row {row}") for row, cells in enumerate(reader, 2)]


def _sound(cells: dict[str, str], where: str) -> PackagedSound:
    try:
        text = {name: cells[name] for name in LICENCE_COLUMNS}
        for name in ("duration", "onset_s", "n_onsets"):
            float(text[name])
        sound = PackagedSound(
            **text,
            frames=int(cells["frames"]),
            source_sha256=_match(_SHA256, cells["source_sha256"], where)[0],
            pcm_sha256=_match(_SHA256, cells["pcm_sha256"], where)[0],
            levels=tuple(int(level) for level in cells["levels"].split()),
        )
    except (TypeError, ValueError) as error:
        raise SoundPackageError(f"{where} cannot be read: {error}.") from error
    path = PurePosixPath(sound.file)
    if path.is_absolute() or ".." in path.parts or "\\" in sound.file or path.suffix != ".flac":
        raise SoundPackageError(f"{where}: {sound.file!r} is not a FLAC file inside the library.")
    if not _LICENCES.fullmatch(sound.licence):
        raise SoundPackageError(f"{where}: the licence {sound.licence!r} is not allowed.")
    _match(_SOURCE, sound.source, where)
    if len(sound.levels) != LEVEL_PARTS or sound.frames < LEVEL_PARTS:
        raise SoundPackageError(f"{where} cannot be read: wrong frames or levels.")
    return sound


def pcm_sha256(pcm: NDArray[np.int16]) -> str:
    """Return the SHA-256 of samples (frames,) as little-endian 16-bit."""
    return hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest()


def levels_of(pcm: NDArray[np.int16]) -> tuple[int, ...]:
    """Return the RMS of eight equal parts of samples (frames,), rounded."""
    parts = np.array_split(pcm.astype(np.float64), LEVEL_PARTS)
    return tuple(round(float(np.sqrt(np.mean(part**2)))) for part in parts)


def likeness(sound: PackagedSound, pcm: NDArray[np.int16]) -> str:
    """Say how samples (frames,) compare with the row: `same`, `close` or `other`.

    Processors and library versions round differently, and FluidSynth's releases differ a
    little: `close` has the same length within 1 % and the same levels within 2 % or two units.
    """
    if pcm_sha256(pcm) == sound.pcm_sha256:
        return "same"
    if abs(pcm.size - sound.frames) > _FRAMES_TOLERANCE * sound.frames or pcm.size < LEVEL_PARTS:
        return "other"
    least, share = _LEVEL_TOLERANCE
    for found, wanted in zip(levels_of(pcm), sound.levels, strict=True):
        if abs(found - wanted) > max(least, share * wanted):
            return "other"
    return "close"


def _match(pattern: re.Pattern[str], text: str, where: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise SoundPackageError(f"{where} cannot be read: {text!r}.")
    return found
