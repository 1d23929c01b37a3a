"""Our inverse of the mel against librosa's, side by side in one run, on one thread each.

    python scripts/bench_vocoder.py [--sounds FOLDER] [--repeats 5] [--output vocoder.json]

Both invert the same mels in turns, so that whatever else the machine does hits both. The mels
are those of a made signal and, with --sounds, of recorded ones: FOLDER has a subfolder of sound
files for each kind. What comes back is analysed again and compared with what went in.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import librosa
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from foleyline_contract.bundle import read_manifest
from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.stft import Stft
from foleyline_server.pipeline.vocoders import vocoder_named
from foleyline_server.pipeline.vocoders.base import Vocoder
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES
from foleyline_training.models.diff_foley.spec import MODEL

Floats = NDArray[np.float32]
SIDES = ("librosa", "griffin-lim")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip
FRAMES = {"official": 512, "mini": 1024}
"""A window of either model, 8.192 s."""
GAP_S = 0.25
SOUND_MAX_S = 3.0
RESOLUTIONS = (256, 512, 1024, 2048)
BEFORE_S = 0.02
GUARD_S = 0.002
FLOOR = 1e-5


@dataclass(frozen=True, slots=True)
class Case:
    """A sound (frames * hop,) to analyse and to get back, and the samples on which it sets in."""

    name: str
    spec: MelSpec
    sound: Floats
    onsets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """One side on one case: median seconds, and how far its sound is from what was asked for.

    Attributes:
        log_mel_error_db: mean absolute difference of the log-mels over all cells.
        convergence: norm of the difference of STFT magnitudes over the original's, 4 resolutions.
        log_distance_db: mean absolute difference of those magnitudes in dB.
        pre_echo_db: energy of the 20 ms before an onset, relative to the 20 ms after it;
            absent where the case has no onset out of quiet.
    """

    seconds: float
    log_mel_error_db: float
    convergence: float
    log_distance_db: float
    pre_echo_db: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """Both sides on one case; ``ratio`` above 1 means that ours is faster."""

    case: str
    theirs: Figures
    ours: Figures
    ratio: float
    original_pre_echo_db: float | None
    repeats: int


def filters_of(spec: MelSpec) -> Floats:
    """Slaney's filters (bands, n_fft // 2 + 1), as librosa and the bundles have them."""
    return librosa.filters.mel(
        sr=spec.rate_hz, n_fft=spec.n_fft, n_mels=spec.bands, fmin=spec.fmin_hz, fmax=spec.fmax_hz
    )


def log_mel(sound: Floats, spec: MelSpec) -> Floats:
    """Log-mel (bands, samples // hop) of a sound that is silent outside."""
    magnitudes = np.abs(Stft(spec.n_fft, spec.hop).forward(sound, len(sound) // spec.hop))
    mel = filters_of(spec) @ magnitudes.T
    level = spec.db_per_decade * np.log10(np.maximum(spec.floor, mel))
    return np.clip((level - spec.db_shift) / spec.db_range, 0, 1).astype(np.float32)


def spectral_distance(sound: Floats, other: Floats) -> tuple[float, float]:
    """Convergence and log distance in dB, averaged over RESOLUTIONS; 80 dB are looked at."""
    found: list[tuple[float, float]] = []
    for n_fft in RESOLUTIONS:
        stft, count = Stft(n_fft, n_fft // 4), len(sound) // (n_fft // 4)
        one, two = (np.abs(stft.forward(part, count)) for part in (sound, other))
        floor = 1e-4 * one.max()
        logs = [20 * np.log10(np.maximum(part, floor)) for part in (one, two)]
        convergence = np.linalg.norm(one - two) / np.linalg.norm(one)
        found.append((float(convergence), float(np.abs(logs[0] - logs[1]).mean())))
    return statistics.fmean(pair[0] for pair in found), statistics.fmean(pair[1] for pair in found)


def pre_echo_db(case: Case, sound: Floats) -> float | None:
    """Mean level before the case's onsets; only those that the original has out of quiet."""
    span, guard = round(BEFORE_S * case.spec.rate_hz), round(GUARD_S * case.spec.rate_hz)
    levels: list[float] = []
    for onset in case.onsets:
        before = slice(onset - guard - span, onset - guard)
        after = slice(onset, onset + span)
        if before.start < 0 or after.stop > len(case.sound):
            continue
        loud = float((case.sound[after] ** 2).sum())
        if (case.sound[before] ** 2).sum() < 0.01 * loud:
            early = float((sound[before] ** 2).sum())
            levels.append(10 * float(np.log10(early / loud + FLOOR)))
    return statistics.fmean(levels) if levels else None


def measure(case: Case, repeats: int) -> Result:
    """Run both sides in turns, after one warm-up each."""
    filters, mel = filters_of(case.spec), log_mel(case.sound, case.spec)
    vocoders: list[Vocoder] = [vocoder_named(name)(case.spec, filters) for name in SIDES]
    seconds: list[list[float]] = [[], []]
    sounds: list[Floats] = [mel, mel]
    for repeat in range(repeats + 1):
        for side, vocoder in enumerate(vocoders):
            started = time.perf_counter()
            sounds[side] = vocoder(mel, seed=0)
            if repeat:
                seconds[side].append(time.perf_counter() - started)
    theirs, ours = (
        Figures(
            statistics.median(spent),
            float(np.abs(log_mel(sound, case.spec) - mel).mean()) * case.spec.db_range,
            *spectral_distance(case.sound, sound),
            pre_echo_db(case, sound),
        )
        for spent, sound in zip(seconds, sounds, strict=True)
    )
    ratio = theirs.seconds / ours.seconds
    return Result(case.name, theirs, ours, ratio, pre_echo_db(case, case.sound), repeats)


def specs() -> dict[str, MelSpec]:
    """The mels of the released model and of the packaged one."""
    return {"official": MODEL.mel, "mini": read_manifest(PACKAGED_BUNDLES / "mini").model.mel}


def reference_signal(samples: int, rate_hz: int) -> Floats:
    """Sweeps that fade, a steady tone and noise: the signal of the released code's goldens."""
    seed = int.from_bytes(hashlib.sha256(b"input:wav").digest()[:8], "little")
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(samples, dtype=np.float32)
    time_s = np.arange(samples) / rate_hz
    sweeps = np.sin(2 * np.pi * (200 * time_s + 150 * time_s**2)) * np.exp(-6 * (time_s % 1.25))
    tone = np.sin(2 * np.pi * 3000 * time_s)
    return (0.02 * noise + 0.3 * sweeps + 0.05 * tone).astype(np.float32)


def scene(folder: Path, spec: MelSpec, frames: int) -> tuple[Floats, tuple[int, ...]]:
    """A folder's sounds one after the other, again from the first if they are few.

    Returns:
        The sound (frames * hop,), and for each of them its first sample above 5 % of its peak.
    """
    scene, onsets = np.zeros(frames * spec.hop, np.float32), []
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".flac", ".wav"))
    sounds = [_recording(path, spec.rate_hz) for path in paths]
    gap, at, number = round(GAP_S * spec.rate_hz), round(GAP_S * spec.rate_hz), 0
    while sounds and at + gap < len(scene):
        sound = sounds[number % len(sounds)][: len(scene) - at]
        scene[at : at + len(sound)] = sound
        onsets.append(at + int(np.argmax(np.abs(sound) > 0.05 * np.abs(sound).max())))
        at, number = at + len(sound) + gap, number + 1
    return scene, tuple(onsets)


def _recording(path: Path, rate_hz: int) -> Floats:
    """Mono, at most SOUND_MAX_S, peak at 0.5, faded out."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    sound = soxr.resample(sound.mean(axis=1), rate, rate_hz)[: round(SOUND_MAX_S * rate_hz)]
    tail = min(len(sound), rate_hz // 50)
    sound[len(sound) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
    return sound * np.float32(0.5 / max(1e-9, float(np.abs(sound).max())))


def cases(sounds: Path | None, kinds: Sequence[str] | None = None) -> list[Case]:
    """The made signal and, if there is a folder of sounds, its kinds or all; for both mels."""
    folders = [path for path in sorted(sounds.iterdir()) if path.is_dir()] if sounds else []
    made: list[Case] = []
    for name, spec in specs().items():
        samples = FRAMES[name] * spec.hop
        made.append(Case(f"{name}: made signal", spec, reference_signal(samples, spec.rate_hz)))
        for folder in folders:
            if kinds is None or folder.name in kinds:
                sound, onsets = scene(folder, spec, FRAMES[name])
                made.append(Case(f"{name}: {folder.name}", spec, sound, onsets))
    return made


def line(result: Result) -> str:
    """A row of the table: theirs, then ours."""
    one, two = result.theirs, result.ours

    def pair(name: str, unit: str = "") -> str:
        values = [getattr(side, name) for side in (one, two)]
        return " ".join("    -" if value is None else f"{value:5.2f}" for value in values) + unit

    echo = pair("pre_echo_db")
    return (
        f"{result.case:>30}  {pair('seconds')}  {result.ratio:5.1f}x  {pair('log_mel_error_db')}"
        f"  {pair('convergence')}  {pair('log_distance_db')}  {echo}"
    )


def means(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Each figure's mean over the cases that have it, per side."""
    found: dict[str, dict[str, float]] = {}
    for side, name in enumerate(SIDES):
        figures = [asdict((result.theirs, result.ours)[side]) for result in results]
        found[name] = {
            key: statistics.fmean(row[key] for row in figures if row[key] is not None)
            for key in figures[0]
            if any(row[key] is not None for row in figures)
        }
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run all cases and print the table."""
    arguments = _parser().parse_args(argv)
    if any(os.environ.get(name) != "1" for name in THREAD_VARIABLES):
        # Libraries look at these when they are loaded, which they are by now.
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1")
        command = [sys.executable, __file__, *(sys.argv[1:] if argv is None else argv)]
        return subprocess.run(command, env=environment, check=False).returncode
    print("librosa, then ours: seconds, ratio, log-mel error in dB, spectral convergence,")
    print("log-spectral distance in dB, level of the 20 ms before an onset in dB")
    results: list[Result] = []
    for case in cases(arguments.sounds, arguments.kind):
        results.append(measure(case, arguments.repeats))
        print(line(results[-1]), flush=True)
    ratios = [result.ratio for result in results]
    print(f"ratio: median {statistics.median(ratios):.1f}, least {min(ratios):.1f}")
    worse = [r.case for r in results if r.ours.log_mel_error_db > r.theirs.log_mel_error_db]
    print(f"log-mel error above librosa's: {', '.join(worse) or 'nowhere'}")
    if arguments.output:
        report = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, 1 thread",
            "versions": {"numpy": np.__version__, "librosa": version("librosa")},
            "means": means(results),
            "results": [asdict(result) for result in results],
        }
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Time our vocoder against librosa's.")
    parser.add_argument("--sounds", type=Path, help="folder with a subfolder of sounds per kind")
    parser.add_argument("--kind", action="append", help="only this subfolder; repeatable")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
