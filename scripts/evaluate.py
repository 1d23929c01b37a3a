"""Measure a bundle on held-out scenes, end to end: files in, wire, server, sound out.

    scripts/evaluate.py RUN [--clips 100] [--bundle mini] [-o report.json]

RUN is the finished training run (for its corpora and its autoencoder). Needs a server on the
default address, or starts one. Clips are scenes whose seeds and sounds were never trained
on, written as video files at their own frame rates and read back by the server.

Chance is the generated sound of one clip against the contacts of another.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from foleyline_client.launcher import connect_or_start
from foleyline_client.session import Session
from foleyline_contract.address import DEFAULT_ADDRESS
from foleyline_contract.messages import Clip, GenerateSettings, TakeFinished
from foleyline_contract.specs import TAKE_RATE_HZ
from foleyline_training.config import Config, read_run_config
from foleyline_training.corpus.clip_file import write_clip
from foleyline_training.corpus.scene import make_scene
from foleyline_training.corpus.split import Split
from foleyline_training.data.corpus_files import INT16_PEAK, CorpusFiles
from foleyline_training.data.mel import LogMel
from foleyline_training.metrics.onset import Matches, OnsetDetector, match
from foleyline_training.metrics.timbre import (
    accuracy,
    excerpts,
    isolated,
    probe_for,
    probe_scenes,
    reconstruction_accuracy,
)
from foleyline_training.stages.networks import make_autoencoder, trained

CLIP_S = Fraction(512, 125)
"""One window of the mini: 4.096 s."""
TOLERANCES_S = (0.05, 0.1)
PROBE_TAIL_S = 0.2
"""Contacts nearer to the clip's end have too little sound to be named by."""


@dataclass(frozen=True, slots=True)
class Guidance:
    """A way to sample; None is the bundle's default."""

    name: str
    cfg_scale: float | None
    align_scale: float | None


GUIDANCES = (Guidance("none", 1.0, 0.0), Guidance("cfg", None, 0.0), Guidance("double", None, None))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Clips as files, with what truly happens in them."""

    paths: list[Path]
    contacts_s: list[NDArray[np.float64]]
    real: list[NDArray[np.float32]]


def main() -> int:
    """Run the evaluation and print its table."""
    arguments = _parser().parse_args()
    torch.set_num_threads(2)
    config = read_run_config(arguments.run)
    corpus = CorpusFiles(arguments.run / "held_out", config)
    with tempfile.TemporaryDirectory() as folder:
        held_out = write_held_out(corpus, arguments.clips, Path(folder))
        session, _ = connect_or_start(arguments.server, timeout_s=60)
        sounds = {
            guidance.name: generate_all(session, held_out.paths, guidance, arguments.bundle)
            for guidance in GUIDANCES
        }
        session.close()
    report = {
        "clips": arguments.clips,
        "contacts": int(sum(map(len, held_out.contacts_s))),
        "onsets": {
            "real": score(held_out.real, held_out.contacts_s, config.mel.rate_hz),
            **{name: score(s, held_out.contacts_s, TAKE_RATE_HZ) for name, s in sounds.items()},
        },
        "material_probe": probe_all(config, arguments.run, corpus, held_out, sounds),
    }
    print(json.dumps(report, indent=2))
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n")
    return 0


def write_held_out(corpus: CorpusFiles, count: int, folder: Path) -> HeldOut:
    """The first ``count`` held-out scenes as video files, cut to CLIP_S."""
    found = HeldOut([], [], [])
    samples = round(CLIP_S * corpus.config.mel.rate_hz)
    for row in range(count):
        scene = make_scene(corpus.index["start_seed"] + row, split=Split.HELD_OUT)
        path = folder / f"{row:04d}.mp4"
        write_clip(
            scene,
            path,
            width=320,
            height=180,
            fps=scene.source_fps,
            sound=None,
            rate_hz=TAKE_RATE_HZ,
        )
        times = np.sort(corpus.contact_time_s[corpus.contact_scene == row])
        found.paths.append(path)
        found.contacts_s.append(times[times < float(CLIP_S)])
        found.real.append(corpus.sound[row, :samples].astype(np.float32) / INT16_PEAK)
    return found


def generate_all(
    session: Session, paths: list[Path], guidance: Guidance, bundle: str | None
) -> list[NDArray[np.float32]]:
    """One take a clip, as floats at TAKE_RATE_HZ."""
    sounds: list[NDArray[np.float32]] = []
    started = time.monotonic()
    for seed, path in enumerate(paths):
        settings = GenerateSettings(
            seed=seed,
            bundle=bundle,
            cfg_scale=guidance.cfg_scale,
            align_scale=guidance.align_scale,
        )
        job = session.submit(Clip(str(path), Fraction(0), CLIP_S), settings)
        for envelope in session.events(job):
            if isinstance(envelope.message, TakeFinished):
                sounds.append(from_pcm(envelope.parts[0]))
    print(f"{guidance.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    return sounds


def from_pcm(pcm: bytes) -> NDArray[np.float32]:
    """24-bit little-endian PCM to floats in [-1, 1)."""
    triples = np.frombuffer(pcm, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(triples), 4), np.uint8)
    wide[:, 1:] = triples
    return wide.view("<i4").ravel().astype(np.float32) / np.float32(2**31)


def score(
    sounds: list[NDArray[np.float32]], contacts_s: list[NDArray[np.float64]], rate_hz: int
) -> dict[str, float]:
    """F1 at each tolerance, chance beside it, and how many onsets were heard."""
    detector = OnsetDetector()
    heard = [detector.detect(sound, rate_hz) for sound in sounds]
    result: dict[str, float] = {"detected": float(sum(map(len, heard)))}
    for tolerance in TOLERANCES_S:
        own, other = Matches(), Matches()
        for k, onsets in enumerate(heard):
            own += match(onsets, contacts_s[k], tolerance)
            for shift in (1, 2, 3):
                other += match(onsets, contacts_s[(k + shift) % len(heard)], tolerance)
        result[f"f1_{round(tolerance * 1000)}ms"] = round(own.f1, 3)
        result[f"chance_{round(tolerance * 1000)}ms"] = round(other.f1, 3)
    return result


def probe_all(
    config: Config,
    run: Path,
    corpus: CorpusFiles,
    held_out: HeldOut,
    sounds: dict[str, list[NDArray[np.float32]]],
) -> dict[str, Any]:
    """Accuracy of a material probe, trained on real training sound, on every kind of sound.

    Real held-out sounds are of families the probe never heard; what the model makes comes
    from those it did hear. So both kinds of real sound stand beside the generated.
    """
    training = CorpusFiles(run / "corpus", config)
    probe = probe_for(training)
    coder = trained(make_autoencoder(config), run / "autoencoder.pt")
    known = reconstruction_accuracy(probe, training, probe_scenes(training), coder)
    unknown = reconstruction_accuracy(probe, corpus, range(corpus.scenes), coder)
    pick = isolated(corpus, range(len(held_out.paths)))
    pick = pick[corpus.contact_time_s[pick] < float(CLIP_S) - PROBE_TAIL_S]

    def named(generated: list[NDArray[np.float32]]) -> float:
        cut = excerpts(
            _mels(config, generated).transpose(1, 2).numpy(),
            corpus.contact_scene[pick],
            corpus.contact_time_s[pick],
            config.mel.rate_hz / config.mel.hop,
        )
        return round(accuracy(probe, cut, torch.from_numpy(corpus.contact_material[pick])), 3)

    return {
        "chance": round(1 / len(training.materials), 3),
        "contacts": len(pick),
        "known_sounds": {"real": round(known[0], 3), "reconstructed": round(known[1], 3)},
        "unknown_sounds": {"real": round(unknown[0], 3), "reconstructed": round(unknown[1], 3)},
        "generated": {name: named(generated) for name, generated in sounds.items()},
    }


def _mels(config: Config, sounds: list[NDArray[np.float32]]) -> torch.Tensor:
    """Log-mels (sounds, bands, frames) of takes."""
    wanted = round(CLIP_S * config.mel.rate_hz)
    resampled = [soxr.resample(sound, TAKE_RATE_HZ, config.mel.rate_hz) for sound in sounds]
    whole = np.stack([np.pad(s, (0, max(0, wanted - len(s))))[:wanted] for s in resampled])
    return LogMel(config.mel)(torch.from_numpy(whole))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure a bundle on held-out scenes.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--bundle", default=None)
    parser.add_argument("--server", default=DEFAULT_ADDRESS)
    parser.add_argument("-o", "--output", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
