"""The library, package by package; what is there already and right is left alone."""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath

import numpy as np
import soundfile
from numpy.typing import NDArray

from .convert import RATE_HZ, convert, write_flac
from .debian import find_package, read_members
from .group_file import read_group
from .soundfont import play_note, soundfont_of
from .table import LICENCE_COLUMNS, PackagedSound, SoundPackageError, likeness

_GROUP = ".ocg"


@dataclass(slots=True)
class Report:
    """Files that came out the same to the sample, nearly so, and not at all, with the reason."""

    same: list[str] = field(default_factory=list)
    close: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def build(
    sounds: Sequence[PackagedSound],
    library: Path,
    packages: Path,
    say: Callable[[str], None],
    fluidsynth: str = "fluidsynth",
) -> Report:
    """Make the files of `sounds` in `library`, and its LICENSES.csv of those that are right.

    Packages come from the folder `packages` or are downloaded into it. What cannot be made is
    in the report; nothing else is raised but for a disk that cannot be written.
    """
    report = Report()
    missing: list[PackagedSound] = []
    for sound in sounds:
        path = library / sound.file
        if not path.resolve().is_relative_to(library.resolve()):
            report.failed[sound.file] = "a link leads outside the library."
        elif not _note(report, sound, _read(path)):
            missing.append(sound)
    by_package = sorted(missing, key=lambda sound: (sound.package, sound.version))
    for (package, version), group in groupby(by_package, lambda s: (s.package, s.version)):
        rows = list(group)
        say(f"{package} {version}: {len(rows)} sounds")
        try:
            deb = find_package(packages, package, version)
            _build_package(rows, deb, library, report, fluidsynth)
        except SoundPackageError as error:
            for sound in rows:
                if sound.file not in report.same and sound.file not in report.close:
                    report.failed.setdefault(sound.file, str(error))
    right = {*report.same, *report.close}
    _write_table(library, [sound for sound in sounds if sound.file in right])
    return report


def _build_package(
    rows: Sequence[PackagedSound], deb: Path, library: Path, report: Report, fluidsynth: str
) -> None:
    wanted: dict[str, list[PackagedSound]] = {}
    for sound in rows:
        name = soundfont_of(sound.source_path) or sound.source_path
        wanted.setdefault(name, []).append(sound)
    groups = {name.split("/")[0] for name in wanted if name.split("/")[0].endswith(_GROUP)}

    def asked(name: str) -> bool:
        return name in wanted or PurePosixPath(name).name in {*wanted, *groups}

    for name, content in read_members(deb, asked):
        base = PurePosixPath(name).name
        inside = read_group(content, base) if base in groups else [(name, content)]
        for path, audio in inside:
            for key in {path, PurePosixPath(path).name} & wanted.keys():
                _build_sounds(wanted.pop(key), audio, library, report, fluidsynth)
    for sound in (sound for group in wanted.values() for sound in group):
        report.failed[sound.file] = f"{deb.name} has no {sound.source_path}."


def _build_sounds(
    rows: Iterable[PackagedSound], audio: bytes, library: Path, report: Report, fluidsynth: str
) -> None:
    digest = hashlib.sha256(audio).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        soundfont, wav = Path(folder) / "font.sf2", Path(folder) / "note.wav"
        for sound in rows:
            try:
                if digest != sound.source_sha256:
                    raise SoundPackageError(
                        f"{sound.source_path} is not what the table was made with: "
                        f"take {sound.package} {sound.version}."
                    )
                if soundfont_of(sound.source_path) is None:
                    pcm = convert(audio, sound.frames)
                else:
                    if not soundfont.exists():
                        soundfont.write_bytes(audio)
                    wav.unlink(missing_ok=True)
                    play_note(soundfont, sound.source_path, wav, fluidsynth)
                    pcm = convert(wav, sound.frames, note=True)
                if likeness(sound, pcm) == "other":
                    raise SoundPackageError("it came out other than the table says.")
                write_flac(library / sound.file, pcm)
                _note(report, sound, _read(library / sound.file))
            except SoundPackageError as error:
                report.failed[sound.file] = str(error)


def _note(report: Report, sound: PackagedSound, pcm: NDArray[np.int16] | None) -> bool:
    found = "other" if pcm is None else likeness(sound, pcm)
    if found != "other":
        (report.same if found == "same" else report.close).append(sound.file)
    return found != "other"


def _read(path: Path) -> NDArray[np.int16] | None:
    """Return the samples of a file of the library; None if there is none, or a damaged one."""
    try:
        pcm, rate_hz = soundfile.read(path, dtype="int16")
    except (OSError, soundfile.SoundFileError):
        return None
    return np.asarray(pcm, np.int16) if rate_hz == RATE_HZ and pcm.ndim == 1 else None


def _write_table(library: Path, sounds: Sequence[PackagedSound]) -> None:
    library.mkdir(parents=True, exist_ok=True)
    unfinished = library / "LICENSES.csv.part"
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(LICENCE_COLUMNS)
        for sound in sounds:
            table.writerow([getattr(sound, name) for name in LICENCE_COLUMNS])
    unfinished.replace(library / "LICENSES.csv")
