"""Windows of mixed sound for the vocoder, straight from a folder with a licence table.

A vocoder has to make any sound, so here every licensed recording counts: those with many onsets,
and those of no material too. What the corpus holds out is held out here as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from foleyline_training.corpus.materials import MATERIAL_NAMES
from foleyline_training.corpus.sounds import SoundLibrary, SoundRow, read_table, split_families

Floats = NDArray[np.float32]
_LONGEST_S = 8.0
_SHORTEST_S = 0.01
_MOST_VOICES = 4
_PITCH_FACTOR = 1.4
"""A recording is played at most so much faster or slower."""
_QUIETEST_VOICE_DB = -24.0
_PEAK_DB = (-36.0, -1.0)
_FLOOR_DB = (-100.0, -56.0)
_CUT_S = 0.003
"""Faded over where a recording is begun in its middle or ends."""
_CREDITED = ("file", "licence", "author", "source", "url")


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of a licence table to train on, and rows that are held out; sorted by file."""

    training: tuple[SoundRow, ...]
    held_out: tuple[SoundRow, ...]


def split_sounds(folder: Path, rate_hz: int) -> Split:
    """Every licensed sound of ``folder``: held out as the corpus does, the others by family.

    Raises:
        SoundTableError: the licence table cannot be used.
    """
    library, sides = SoundLibrary(folder, rate_hz), dict[str, int]()
    for material in MATERIAL_NAMES:
        for side, held_out in enumerate((False, True)):
            for row in library.rows(material, held_out):
                # Held out for one material is held out, whatever another thinks of it.
                sides[row.file] = max(side, sides.get(row.file, 0))
                sides[row.family] = max(side, sides.get(row.family, 0))
    found: tuple[list[SoundRow], list[SoundRow]] = ([], [])
    rest: dict[str, list[SoundRow]] = {}
    for row in read_table(folder):
        side = sides.get(row.file, sides.get(row.family))
        (rest.setdefault(row.category, []) if side is None else found[side]).append(row)
    for rows in rest.values():
        for side, part in enumerate(split_families(rows)):
            found[side].extend(part)
    training, held_out = (tuple(sorted(rows, key=lambda row: row.file)) for rows in found)
    return Split(training, held_out)


def credits_of(rows: Sequence[SoundRow]) -> list[dict[str, str]]:
    """Rows of an attribution table."""
    return [{name: getattr(row, name) for name in _CREDITED} for row in rows]


class SoundWindows:
    """Draws mixes of a folder's recordings; all are kept in memory, as 16 bits.

    Args:
        folder: with the files of ``rows``.
        rows: what may be heard, at least one of them no shorter than 10 ms.
    """

    def __init__(self, folder: Path, rows: Sequence[SoundRow], rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._by_category: dict[str, list[NDArray[np.int16]]] = {}
        for row in rows:
            sound = recording(folder / row.file, rate_hz)[: round(_LONGEST_S * rate_hz)]
            if len(sound) >= _SHORTEST_S * rate_hz and np.abs(sound).max() > 0:
                scaled = np.round(sound * (32767 / np.abs(sound).max())).astype(np.int16)
                self._by_category.setdefault(row.category, []).append(scaled)
        if not self._by_category:
            raise ValueError(f"{folder} has no sounds to train a vocoder on")

    def draw(self, rng: np.random.Generator, samples: int) -> Floats:
        """One to four recordings at any place, pitch and level, over noise: (samples,)."""
        mix = np.zeros(samples, np.float32)
        for _ in range(int(rng.integers(1, _MOST_VOICES + 1))):
            self._add(mix, rng)
        peak = float(np.abs(mix).max())
        level = _gain(float(rng.uniform(*_PEAK_DB)))
        if peak > 0:
            mix *= np.float32(level / peak)
        floor = _gain(float(rng.uniform(*_FLOOR_DB)))
        mix += np.float32(floor) * rng.standard_normal(samples, dtype=np.float32)
        return mix

    def _add(self, mix: Floats, rng: np.random.Generator) -> None:
        kinds = sorted(self._by_category)
        takes = self._by_category[kinds[int(rng.integers(len(kinds)))]]
        take = takes[int(rng.integers(len(takes)))]
        factor = _PITCH_FACTOR ** float(rng.uniform(-1, 1))
        # It begins within the window, or has begun before it.
        at = int(rng.integers(-min(len(take), len(mix)), len(mix)))
        first = max(0, round(-at * factor))
        needed = min(len(take), first + round((len(mix) - max(0, at)) * factor))
        part = take[first:needed].astype(np.float32) / 32767
        if len(part) < _SHORTEST_S * self.rate_hz:
            return
        heard = np.asarray(soxr.resample(part, factor, 1.0, quality="MQ"), np.float32)
        fade = min(len(heard) // 2, round(_CUT_S * self.rate_hz))
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        heard[len(heard) - fade :] *= ramp[::-1]
        if first:
            heard[:fade] *= ramp
        start = max(0, at)
        heard = heard[: len(mix) - start]
        gain = _gain(float(rng.uniform(_QUIETEST_VOICE_DB, 0))) * (1 if rng.random() < 0.5 else -1)
        mix[start : start + len(heard)] += np.float32(gain) * heard


def recording(path: Path, rate_hz: int) -> Floats:
    """A file's sound, mono, at ``rate_hz``."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(sound.mean(axis=1), rate, rate_hz), np.float32)


def _gain(level_db: float) -> float:
    return 10 ** (level_db / 20)
