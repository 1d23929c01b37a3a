"""Sounds that vocoders are measured on: a made signal, and scenes of recorded ones."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from foleyline_contract.specs import MelSpec

Floats = NDArray[np.float32]
FRAMES = {"official": 512, "mini": 1024}
"""A window of either model, 8.192 s."""
GAP_S = 0.25
SOUND_MAX_S = 3.0


@dataclass(frozen=True, slots=True)
class Case:
    """A sound (frames * hop,) to analyse and to get back, and the samples on which it sets in."""

    name: str
    spec: MelSpec
    sound: Floats
    onsets: tuple[int, ...] = ()


def reference_signal(samples: int, rate_hz: int) -> Floats:
    """Sweeps that fade, a steady tone and noise: the signal of the released code's goldens."""
    seed = int.from_bytes(hashlib.sha256(b"input:wav").digest()[:8], "little")
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(samples, dtype=np.float32)
    time_s = np.arange(samples) / rate_hz
    sweeps = np.sin(2 * np.pi * (200 * time_s + 150 * time_s**2)) * np.exp(-6 * (time_s % 1.25))
    tone = np.sin(2 * np.pi * 3000 * time_s)
    return (0.02 * noise + 0.3 * sweeps + 0.05 * tone).astype(np.float32)


def scene(paths: Sequence[Path], spec: MelSpec, frames: int) -> tuple[Floats, tuple[int, ...]]:
    """Sounds one after the other, again from the first if they are few.

    Returns:
        The sound (frames * hop,), and for each of them its first sample above 5 % of its peak.
    """
    scene, onsets = np.zeros(frames * spec.hop, np.float32), []
    sounds = [_recording(path, spec.rate_hz) for path in paths]
    gap, at, number = round(GAP_S * spec.rate_hz), round(GAP_S * spec.rate_hz), 0
    while sounds and at + gap < len(scene):
        sound = sounds[number % len(sounds)][: len(scene) - at]
        scene[at : at + len(sound)] = sound
        onsets.append(at + int(np.argmax(np.abs(sound) > 0.05 * np.abs(sound).max())))
        at, number = at + len(sound) + gap, number + 1
    return scene, tuple(onsets)


def cases(
    specs: dict[str, MelSpec],
    sounds: Path | None,
    kinds: Sequence[str] | None = None,
    only: Collection[str] | None = None,
) -> list[Case]:
    """The made signal and, if there is a folder of sounds, its kinds or all; for all mels.

    Args:
        only: files, as paths below the folder; others are left out, and kinds without any.
    """
    folders = [path for path in sorted(sounds.iterdir()) if path.is_dir()] if sounds else []
    made: list[Case] = []
    for name, spec in specs.items():
        if only is None:
            samples = FRAMES[name] * spec.hop
            made.append(Case(f"{name}: made signal", spec, reference_signal(samples, spec.rate_hz)))
        for folder in folders:
            paths = sorted(path for path in folder.iterdir() if path.suffix in (".flac", ".wav"))
            if only is not None:
                paths = [path for path in paths if f"{folder.name}/{path.name}" in only]
            if paths and (kinds is None or folder.name in kinds):
                sound, onsets = scene(paths, spec, FRAMES[name])
                made.append(Case(f"{name}: {folder.name}", spec, sound, onsets))
    return made


def steady_noise(spec: MelSpec) -> Floats:
    """Three seconds of white noise (samples,): what rain and steam are to a vocoder."""
    draws = np.random.default_rng(0).standard_normal(3 * spec.rate_hz, dtype=np.float32)
    return np.float32(0.05) * draws


def periodicity(sound: Floats, rate_hz: int) -> float:
    """How far a sound repeats itself, 0 to 1: its autocorrelation at 6 to 64 ms, the largest.

    White noise has about 0.02. Distances of spectra do not see this: a regular buzz is nearer to
    a noise than another noise is.
    """
    inside = sound[rate_hz // 2 :]
    last = round(0.064 * rate_hz)
    found = np.correlate(inside, inside[: len(inside) - last], "valid")
    return float(np.abs(found[round(0.00625 * rate_hz) :]).max() / found[0])


def _recording(path: Path, rate_hz: int) -> Floats:
    """Mono, at most SOUND_MAX_S, peak at 0.5, faded out."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    sound = soxr.resample(sound.mean(axis=1), rate, rate_hz)[: round(SOUND_MAX_S * rate_hz)]
    tail = min(len(sound), rate_hz // 50)
    sound[len(sound) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
    return sound * np.float32(0.5 / max(1e-9, float(np.abs(sound).max())))
