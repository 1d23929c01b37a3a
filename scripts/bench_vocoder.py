"""Vocoders side by side in one run, on one thread each.

    python scripts/bench_vocoder.py [--sounds FOLDER] [--repeats 5] [--output vocoder.json]
    python scripts/bench_vocoder.py --bundle BUNDLE --sounds FOLDER --held-out \
        --side griffin-lim --side neural [--run RUN]

All invert the same mels in turns, so that whatever else the machine does hits all. The mels
are those of a made signal and, with --sounds, of recorded ones: FOLDER has a subfolder of sound
files for each kind. What comes back is analysed again and compared with what went in. With
--bundle they are that bundle's mels, and its own neural vocoder is a side; --held-out leaves out
what that was trained on. With --run they are mels as the run's autoencoder rebuilds them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from vocoder_cases import Case, Floats, cases, periodicity, steady_noise

from foleyline_contract.bundle import read_manifest
from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.stft import Stft
from foleyline_server.pipeline.vocoders import vocoder_named
from foleyline_server.pipeline.vocoders.base import Vocoder
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES
from foleyline_server.runtime.providers import CPU
from foleyline_server.runtime.session import GraphSession, RuntimeOptions
from foleyline_training.data.mel import mel_filters
from foleyline_training.models.diff_foley.spec import MODEL

SIDES = ("librosa", "griffin-lim")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip
RESOLUTIONS = (256, 512, 1024, 2048)
BEFORE_S = 0.02
GUARD_S = 0.002
FLOOR = 1e-5
Sides = Callable[[MelSpec], Mapping[str, Vocoder]]
Rebuilt = Callable[[Floats], Floats]
"""A mel (bands, frames) to the one that is to be inverted."""


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
    """All sides on one case."""

    case: str
    figures: Mapping[str, Figures]
    original_pre_echo_db: float | None
    repeats: int

    @property
    def ratio(self) -> float:
        """How many times as fast as the first side the last one is."""
        seconds = [figures.seconds for figures in self.figures.values()]
        return seconds[0] / seconds[-1]


def log_mel(sound: Floats, spec: MelSpec) -> Floats:
    """Log-mel (bands, samples // hop) of a sound that is silent outside."""
    magnitudes = np.abs(Stft(spec.n_fft, spec.hop).forward(sound, len(sound) // spec.hop))
    mel = mel_filters(spec) @ magnitudes.T
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


def measure(
    case: Case, vocoders: Mapping[str, Vocoder], repeats: int, rebuilt: Rebuilt = lambda mel: mel
) -> Result:
    """Run all sides in turns, after one warm-up each."""
    mel = rebuilt(log_mel(case.sound, case.spec))
    seconds: dict[str, list[float]] = {name: [] for name in vocoders}
    sounds: dict[str, Floats] = {}
    for repeat in range(repeats + 1):
        for name, vocoder in vocoders.items():
            started = time.perf_counter()
            sounds[name] = vocoder(mel, seed=0)
            if repeat:
                seconds[name].append(time.perf_counter() - started)
    figures = {
        name: Figures(
            statistics.median(seconds[name]),
            float(np.abs(log_mel(sound, case.spec) - mel).mean()) * case.spec.db_range,
            *spectral_distance(case.sound, sound),
            pre_echo_db(case, sound),
        )
        for name, sound in sounds.items()
    }
    return Result(case.name, figures, pre_echo_db(case, case.sound), repeats)


def specs() -> dict[str, MelSpec]:
    """The mels of the released model and of the packaged one."""
    return {"official": MODEL.mel, "mini": read_manifest(PACKAGED_BUNDLES / "mini").model.mel}


def sides(names: Sequence[str], bundle: Path | None) -> Sides:
    """Vocoders by name; what graphs they need are the bundle's, on one thread of the CPU."""
    graphs: dict[str, GraphSession] = {}
    if bundle is not None and (bundle / "vocoder.onnx").is_file():
        options = RuntimeOptions((CPU,), threads=1)
        graphs["vocoder"] = GraphSession(bundle / "vocoder.onnx", options)
    return lambda spec: {
        name: vocoder_named(name, graphs)(spec, mel_filters(spec), graphs) for name in names
    }


def rebuilt_by(run: Path) -> Rebuilt:
    """What a run's autoencoder makes of a mel: what its decoder gives for the mean latent."""
    import torch

    from foleyline_training.config import read_run_config
    from foleyline_training.stages.networks import make_autoencoder, trained

    coder = trained(make_autoencoder(read_run_config(run)), run / "autoencoder.pt")

    def rebuilt(mel: Floats) -> Floats:
        with torch.inference_mode():
            mean, _ = coder.encoder(torch.from_numpy(mel)[None])
            return coder.decoder(mean)[0, :, : mel.shape[1]].clamp(0, 1).numpy()

    return rebuilt


def held_out(sounds: Path) -> set[str]:
    """Files that no vocoder is trained on."""
    from foleyline_training.data.sound_windows import split_sounds

    return {row.file for row in split_sounds(sounds, specs()["mini"].rate_hz).held_out}


def line(result: Result) -> str:
    """A row of the table: each figure of all sides, in order."""

    def figure(name: str) -> str:
        values = [getattr(side, name) for side in result.figures.values()]
        return " ".join("    -" if value is None else f"{value:5.2f}" for value in values)

    names = ("seconds", "log_mel_error_db", "convergence", "log_distance_db", "pre_echo_db")
    return f"{result.case:>30}  " + "   ".join(figure(name) for name in names)


def means(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Each figure's mean over the cases that have it, per side."""
    found: dict[str, dict[str, float]] = {}
    for side in results[0].figures:
        figures = [asdict(result.figures[side]) for result in results]
        found[side] = {
            key: statistics.fmean(row[key] for row in figures if row[key] is not None)
            for key in figures[0]
            if any(row[key] is not None for row in figures)
        }
    return found


def summary(results: Sequence[Result]) -> str:
    """Means of each side, and where the last one is worse than the first."""
    names = [*results[0].figures]
    ratios = [result.ratio for result in results]
    lines = [
        f"{side:>12}: " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
        for side, figures in means(results).items()
    ]
    lines.append(f"times as fast: median {statistics.median(ratios):.1f}, least {min(ratios):.1f}")
    for figure in ("log_mel_error_db", "convergence", "log_distance_db"):
        worse = [
            result.case
            for result in results
            if getattr(result.figures[names[-1]], figure)
            > getattr(result.figures[names[0]], figure)
        ]
        lines.append(f"{figure} of {names[-1]} above {names[0]}'s: {len(worse)} of {len(results)}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run all cases and print the table."""
    arguments = _parser().parse_args(argv)
    if any(os.environ.get(name) != "1" for name in THREAD_VARIABLES):
        # Libraries look at these when they are loaded, which they are by now.
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1")
        command = [sys.executable, __file__, *(sys.argv[1:] if argv is None else argv)]
        return subprocess.run(command, env=environment, check=False).returncode
    names = tuple(arguments.side or SIDES)
    mels = specs()
    if arguments.bundle:
        mels = {"mini": read_manifest(arguments.bundle).model.mel}
    only = held_out(arguments.sounds) if arguments.held_out else None
    rebuilt = rebuilt_by(arguments.run) if arguments.run else lambda mel: mel
    made = sides(names, arguments.bundle)
    print(f"{', '.join(names)}: seconds, log-mel error in dB, spectral convergence,")
    print("log-spectral distance in dB, level of the 20 ms before an onset in dB")
    results: list[Result] = []
    for case in cases(mels, arguments.sounds, arguments.kind, only):
        results.append(measure(case, made(case.spec), arguments.repeats, rebuilt))
        print(line(results[-1]), flush=True)
    print(summary(results))
    for spec in mels.values():
        noise = log_mel(steady_noise(spec), spec)
        for name, vocoder in made(spec).items():
            found = periodicity(vocoder(noise, seed=0), spec.rate_hz)
            print(f"steady noise at {spec.rate_hz} Hz by {name} repeats itself by {found:.2f}")
    if arguments.output:
        arguments.output.write_text(report(names, results), encoding="utf-8")
    return 0


def report(names: Sequence[str], results: Sequence[Result]) -> str:
    """All figures as JSON."""
    packages = ["numpy", *(name for name in names if name == "librosa")]
    value = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, 1 thread",
        "versions": {name: version(name) for name in packages},
        "means": means(results),
        "results": [asdict(result) for result in results],
    }
    return json.dumps(value, indent=2) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Vocoders side by side.")
    add = parser.add_argument
    add("--side", action="append", help=f"a vocoder; repeatable; else {' and '.join(SIDES)}")
    add("--bundle", type=Path, help="whose mels, and whose neural vocoder")
    add("--sounds", type=Path, help="folder with a subfolder of sounds per kind")
    add("--kind", action="append", help="only this subfolder; repeatable")
    add("--held-out", action="store_true", help="only sounds no vocoder was trained on")
    add("--run", type=Path, help="invert mels as this run's autoencoder rebuilds them")
    add("--repeats", type=int, default=5)
    add("--output", type=Path, help="write the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
