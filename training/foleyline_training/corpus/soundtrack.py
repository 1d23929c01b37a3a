"""The sound of a scene: one-shots with their onsets at the contacts, and sounds that last.

Not here: loading sounds (`sounds`), making them last (`textures`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, pi
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import lfilter

from .scene import Contact, SceneSustain, scene_rng
from .sounds import Sound, SoundLibrary, SoundRow
from .split import Split
from .textures import play

_QUIETEST_DB = -20.0
_HIGHEST_PEAK = 0.9
_DARKEST_HZ, _BRIGHTEST_HZ = 900.0, 15000.0
_PITCH_RANGE = 0.05
_MOST_SIBLINGS = 3
_FLOOR_DB = (-84.0, -62.0)
_LASTING_DB = (-36.0, -25.0)
"""RMS of a lasting sound at its loudest; contacts peak between -20 and 0 dB."""


class Audible(Protocol):
    """What of a scene is heard, and what its sounds are drawn from."""

    @property
    def seed(self) -> int: ...
    @property
    def split(self) -> Split: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def contacts(self) -> tuple[Contact, ...]: ...
    @property
    def sustains(self) -> tuple[SceneSustain, ...]: ...


@dataclass(frozen=True, slots=True)
class Voice:
    """What one actor sounds like: takes of one thing, all at the same pitch factor."""

    takes: tuple[Sound, ...]
    pitch: float


def cast_voices(scene: Audible, library: SoundLibrary) -> dict[int, Voice]:
    """Choose a voice for each actor that has contacts: actor index to voice."""
    materials = {contact.actor: contact.material for contact in scene.contacts}
    voices: dict[int, Voice] = {}
    for actor in sorted(materials):
        rng = np.random.Generator(np.random.PCG64([scene.seed, scene.split.stream, actor, 0x501CE]))
        rows = library.rows(materials[actor], held_out=scene.split.new_sounds)
        families = sorted({row.family for row in rows})
        family = families[int(rng.integers(len(families)))]
        siblings = [row for row in rows if row.family == family]
        chosen = rng.permutation(len(siblings))[:_MOST_SIBLINGS].tolist()
        pitch = float(rng.uniform(1 - _PITCH_RANGE, 1 + _PITCH_RANGE))
        takes = tuple(library.sound(siblings[k]) for k in sorted(chosen))
        voices[actor] = Voice(takes, pitch)
    return voices


def cast_loops(scene: Audible, library: SoundLibrary) -> dict[int, SoundRow]:
    """Choose a lasting sound for each actor that makes one: actor index to row."""
    found: dict[int, SoundRow] = {}
    for lasting in scene.sustains:
        rng = np.random.Generator(
            np.random.PCG64([scene.seed, scene.split.stream, lasting.actor, 0x100B])
        )
        rows = library.rows(lasting.material, held_out=scene.split.new_sounds)
        found[lasting.actor] = rows[int(rng.integers(len(rows)))]
    return found


def used_files(scene: Audible, library: SoundLibrary) -> list[str]:
    """Return the files that may be heard in the scene's soundtrack, sorted."""
    voices = cast_voices(scene, library)
    files = {take.row.file for voice in voices.values() for take in voice.takes}
    return sorted(files | {row.file for row in cast_loops(scene, library).values()})


def mix_soundtrack(scene: Audible, library: SoundLibrary, *, rate_hz: int) -> NDArray[np.float32]:
    """Mix the scene's sound: mono float32 (round(duration_s * rate_hz),), peak at most 0.9.

    Level (-20 to 0 dB) and brightness follow each contact's strength.
    Raises: ValueError if the library was loaded at another rate.
    """
    if library.rate_hz != rate_hz:
        raise ValueError(f"library is at {library.rate_hz} Hz, not {rate_hz} Hz")
    rng = scene_rng(scene.seed, scene.split, 1)
    total = round(scene.duration_s * rate_hz)
    floor_level = 10 ** (float(rng.uniform(*_FLOOR_DB)) / 20)
    mix = rng.standard_normal(total, dtype=np.float32) * np.float32(floor_level)
    loops = cast_loops(scene, library)
    for lasting in scene.sustains:
        loop = library.loop(loops[lasting.actor])
        level = np.float32(10 ** (float(rng.uniform(*_LASTING_DB)) / 20))
        mix += level * play(loop, lasting.sustain, rng, total=total, rate_hz=rate_hz)
    voices = {actor: _pitched(voice) for actor, voice in cast_voices(scene, library).items()}
    for contact in scene.contacts:
        takes = voices[contact.actor]
        samples, onset = takes[int(rng.integers(len(takes)))]
        heard = _softened(samples, contact.strength, rate_hz)
        start = round(contact.time_s * rate_hz) - onset
        skipped = max(0, -start)
        end = min(total, start + heard.size)
        mix[start + skipped : end] += heard[skipped : end - start]
    peak = float(np.abs(mix).max(initial=0.0))
    level = float(rng.uniform(0.5, 0.9))
    if (scene.contacts or scene.sustains) and peak > 0:
        # The loudest contact of a quiet scene stays quieter than that of a loud one.
        strongest = max((contact.strength for contact in scene.contacts), default=0.5)
        mix *= np.float32(min(_HIGHEST_PEAK, level * (0.55 + 0.45 * strongest)) / peak)
    return mix


def _pitched(voice: Voice) -> list[tuple[NDArray[np.float32], int]]:
    """Return the voice's takes resampled by its pitch, with their onsets (samples)."""
    return [
        (
            np.asarray(soxr.resample(take.samples, voice.pitch, 1.0), dtype=np.float32),
            round(take.onset / voice.pitch),
        )
        for take in voice.takes
    ]


def _softened(samples: NDArray[np.float32], strength: float, rate_hz: int) -> NDArray[np.float32]:
    """Scale and darken a one-shot for a contact of `strength` 0..1."""
    gain = 10 ** (_QUIETEST_DB * (1 - strength) / 20)
    cutoff_hz = _DARKEST_HZ * (_BRIGHTEST_HZ / _DARKEST_HZ) ** (strength**0.7)
    pole = exp(-2 * pi * cutoff_hz / rate_hz)
    dark = lfilter([(1 - pole) * gain], [1.0, -pole], samples)
    return np.asarray(dark, dtype=np.float32)
