"""Can one hear where windows meet? Steps in level and in spectrum at the joins, and elsewhere.

    python scripts/seams.py [--clip FILE] [--windows 15] [--takes 8] [--output seams.json]

Makes long takes in three ways: ``blended``, as the server does it; ``cut``, with windows side
by side in the latent; ``appended``, each window a clip of its own whose sounds are put one
after the other, as the released Diff-Foley does. The film is looped, and every take starts
elsewhere in it, so that no event of the film always falls on a join.

Measured between the 20 ms before and the 20 ms after a moment: the step in RMS level (dB) and
the spectral flux (the sum of rising magnitudes over the sum of all, 0 to 1). A blend has three
moments, its beginning, middle and end. Elsewhere is every 20 ms outside the blends. p is
the Mann-Whitney test's chance of joins at least so much rougher if they were like the rest.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from foleyline_contract.messages import Clip, GenerateSettings
from foleyline_contract.specs import TAKE_RATE_HZ, TAKE_SAMPLE_BYTES
from foleyline_server.media.frames import iter_pictures, probe
from foleyline_server.pipeline.generate import generate
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.pipeline.windows import OVERLAP, plan_windows
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES, BundleShelf, LoadedBundle
from foleyline_server.runtime.providers import CPU
from foleyline_server.runtime.session import RuntimeOptions

Floats = NDArray[np.float64]
EXAMPLE = Path(__file__).parent.parent / "examples" / "workshop.mp4"
SIDE = TAKE_RATE_HZ // 50
"""Samples on either side of a moment: 20 ms."""
GUARD_S = 0.1
"""Elsewhere begins this far from a join."""
OVERLAPS = {"blended": OVERLAP, "cut": Fraction(0)}
AUDIBLE_DBFS = -60.0
"""Moments with less than this on both sides are left out: silence has no steps."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Where one window passes over to the next."""

    start_s: float
    length_s: float

    @property
    def middle_s(self) -> float:
        """Where both count the same."""
        return self.start_s + self.length_s / 2

    @property
    def end_s(self) -> float:
        """From where on only the later one counts."""
        return self.start_s + self.length_s


@dataclass(frozen=True, slots=True)
class Roughness:
    """What was measured at some moments, both (moments,)."""

    level_db: Floats
    flux: Floats


def main() -> int:
    """Make the takes, measure them and print a table."""
    arguments = _parser().parse_args()
    shelf = BundleShelf([arguments.bundles], RuntimeOptions((CPU,)), arguments.bundle)
    bundle = shelf.load(shelf.find(arguments.bundle))
    length_s = arguments.windows * bundle.found.manifest.model.window_s
    report: dict[str, Any] = {"seconds": float(length_s), "takes": arguments.takes}
    with tempfile.TemporaryDirectory() as folder:
        film_s = probe(str(arguments.clip.absolute())).duration_s
        film = looped(arguments.clip, film_s + length_s, Path(folder))
        clips = [
            Clip(str(film.absolute()), film_s * take / arguments.takes, length_s)
            for take in range(arguments.takes)
        ]
        for way in ("blended", "cut", "appended"):
            report[way] = measure_way(way, clips, bundle)
            print_rows(way, report[way])
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def measure_way(way: str, clips: list[Clip], bundle: LoadedBundle) -> dict[str, dict[str, float]]:
    """Both measures' figures over the clips' sounds, made in one way."""
    model = bundle.found.manifest.model
    if way == "appended":
        joins = int(clips[0].duration_s / model.window_s)
        blends = [Blend(float(n * model.window_s), 0.0) for n in range(1, joins)]
    else:
        blends = blends_of(clips[0].duration_s, OVERLAPS[way], bundle)
    at_joins = np.unique([[blend.start_s, blend.middle_s, blend.end_s] for blend in blends])
    found: list[tuple[Roughness, Roughness]] = []
    for seed, clip in enumerate(clips):
        sound = appended(clip, seed, bundle) if way == "appended" else made(clip, seed, bundle, way)
        there = roughness(sound, elsewhere(sound, blends))
        found.append((roughness(sound, at_joins), there))
    return {
        name: figures(
            np.concatenate([getattr(here, name) for here, _ in found]),
            np.concatenate([getattr(there, name) for _, there in found]),
        )
        for name in ("level_db", "flux")
    }


def made(clip: Clip, seed: int, bundle: LoadedBundle, way: str) -> Floats:
    """One take's sound, in [-1, 1]."""
    manifest = bundle.found.manifest
    settings = used_settings(GenerateSettings(seed=seed), manifest.model.defaults, manifest.graphs)
    meter = Meter(1, lambda *_: None, lambda: None)
    (take,) = generate(clip, settings, bundle, meter, iter_pictures, OVERLAPS[way])
    return from_pcm(take.pcm)


def appended(clip: Clip, seed: int, bundle: LoadedBundle) -> Floats:
    """The sounds of clips of one window each, one after the other."""
    window_s = bundle.found.manifest.model.window_s
    count = int(clip.duration_s / window_s)
    parts = [Clip(clip.path, clip.start_s + n * window_s, window_s) for n in range(count)]
    seeds = range(seed * count, (seed + 1) * count)
    sounds = [made(part, own, bundle, "cut") for part, own in zip(parts, seeds, strict=True)]
    return np.concatenate(sounds)


def blends_of(duration_s: Fraction, overlap: Fraction, bundle: LoadedBundle) -> list[Blend]:
    """Where windows pass over to the next ones."""
    model = bundle.found.manifest.model
    columns = model.latent.shape[-1]
    plan = plan_windows(duration_s, model.window_s, columns, bundle.column_s, overlap)
    length_s = float(plan.overlap_columns * plan.column_s) if overlap else 0.0
    return [Blend(float(plan.start_s(window)), length_s) for window in range(1, plan.count)]


def elsewhere(sound: Floats, blends: list[Blend]) -> Floats:
    """Every 20 ms outside the blends, in seconds."""
    times_s = np.arange(SIDE, len(sound) - SIDE, SIDE) / TAKE_RATE_HZ
    clear = np.ones(len(times_s), bool)
    for blend in blends:
        clear &= (times_s < blend.start_s - GUARD_S) | (times_s > blend.end_s + GUARD_S)
    return times_s[clear]


def roughness(sound: Floats, times_s: Floats) -> Roughness:
    """Steps in level and spectrum at the moments at which there is something to hear."""
    centres = np.rint(times_s * TAKE_RATE_HZ).astype(int)
    before = np.stack([sound[centre - SIDE : centre] for centre in centres])
    after = np.stack([sound[centre : centre + SIDE] for centre in centres])
    levels = [
        10 * np.log10(np.maximum((side**2).mean(axis=1), 10 ** (AUDIBLE_DBFS / 10)))
        for side in (before, after)
    ]
    heard = np.maximum(*levels) > AUDIBLE_DBFS
    window = np.hanning(SIDE)
    first, second = (np.abs(np.fft.rfft(side[heard] * window)) for side in (before, after))
    flux = np.maximum(second - first, 0).sum(axis=1) / (first + second).sum(axis=1)
    return Roughness(np.abs(levels[1] - levels[0])[heard], flux)


def figures(joins: Floats, others: Floats) -> dict[str, float]:
    """Medians, 95th percentiles, counts and the test's p."""
    return {
        "joins": len(joins),
        "others": len(others),
        "median_joins": float(np.median(joins)),
        "median_others": float(np.median(others)),
        "p95_joins": float(np.percentile(joins, 95)),
        "p95_others": float(np.percentile(others, 95)),
        "p": float(mannwhitneyu(joins, others, alternative="greater").pvalue),
    }


def print_rows(way: str, measured: dict[str, dict[str, float]]) -> None:
    """One line a measure."""
    for name, found in measured.items():
        print(
            f"{way:>9} {name:>9}: median {found['median_joins']:.3f} at {found['joins']} joins, "
            f"{found['median_others']:.3f} at {found['others']} others; 95th percentile "
            f"{found['p95_joins']:.3f}, {found['p95_others']:.3f}; p {found['p']:.2g}"
        )


def looped(film: Path, length_s: Fraction, folder: Path) -> Path:
    """A film that repeats another one's packets until it lasts ``length_s``."""
    path = folder / f"looped{film.suffix}"
    with av.open(str(film)) as source, av.open(str(path), "w") as target:
        pictures = source.streams.video[0]
        stream = target.add_stream_from_template(pictures)
        tick_s, length = pictures.time_base, pictures.duration
        if tick_s is None or not length:
            raise SystemExit(f"{film.name} does not say how long it is: give another --clip")
        for repeat in range(ceil(length_s / (length * tick_s))):
            source.seek(0)
            for packet in source.demux(pictures):
                if packet.pts is None or packet.dts is None:
                    continue  # the empty one at the end
                packet.pts += repeat * length
                packet.dts += repeat * length
                packet.stream = stream
                target.mux(packet)
    return path


def from_pcm(pcm: bytes) -> Floats:
    """24-bit little-endian samples as numbers in [-1, 1]."""
    raw = np.frombuffer(pcm, np.uint8).reshape(-1, TAKE_SAMPLE_BYTES)
    four_bytes = np.concatenate([np.zeros((len(raw), 1), np.uint8), raw], axis=1)
    return four_bytes.view("<i4")[:, 0] / 2.0**31


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure the joins of a long take's windows.")
    parser.add_argument("--clip", type=Path, default=EXAMPLE)
    parser.add_argument("--windows", type=int, default=15, help="the clip's length in windows")
    parser.add_argument("--takes", type=int, default=8)
    parser.add_argument("--bundle", help="a bundle's name; else the first")
    parser.add_argument("--bundles", type=Path, default=PACKAGED_BUNDLES, help="their folder")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
