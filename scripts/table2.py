"""The paper's Table 2 in small: guidance, and how much the encoder was trained on.

    python scripts/table2.py RUN WORK [--small-scenes 800] [--cavp-seconds 300] [--seconds 300]
        [--classifier-seconds 120] [--size-px 32] [--unet-width 128] [--clips 100] [--seeds 3]
        [-o table2.json]

Two models are trained for the same times. They differ in stage 1 alone: CAVP sees the first
scenes of RUN's corpus (the mini corpus), or all of it (the larger one). Diffusion and classifier
see the mini corpus in both, as the paper's see VGGSound. Each is sampled without guidance, with
classifier-free guidance and with both kinds. One and the same evaluation classifier, over RUN's
own encoder, judges all six. WORK keeps what is done. ``--size-px`` shows both models smaller
pictures, with which a step costs less.

Source: Diff-Foley, Table 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from evaluation.judges import TAGGERS, Judges
from evaluation.makers import CFG, DOUBLE, NO_GUIDANCE, InProcess
from evaluation.measures import Figures, Measures, summary, table
from evaluation.run_bundle import load_run
from evaluation.scenes import Scenes, SplitMissing
from evaluation.small_runs import SmallRun, derive_corpus, shortened, shown_at

from foleyline_contract.specs import TAKE_RATE_HZ
from foleyline_training.config import Config
from foleyline_training.metrics.taggers import TaggerMissing

WINDOWS_PER_BATCH = 12
FIGURES = ("is", "fid", "kl")


def main() -> int:
    """Train both models, measure all rows, print the table."""
    arguments = _parser().parse_args()
    torch.set_num_threads(1)
    try:
        judges = Judges(arguments.run, arguments.taggers, arguments.judge_seconds)
        scenes = Scenes(arguments.run / "held_out", judges.config, arguments.clips)
    except (SplitMissing, TaggerMissing, FileNotFoundError) as error:
        print(f"table2: {error}", file=sys.stderr)
        return 1
    measures = Measures(judges, scenes, distribution=True)
    rows = {"real": summary([measures.real])}
    config = _config(arguments, judges.config)
    small = _shown(arguments, config, "corpus", "mini-corpus", arguments.small_scenes)
    large = _shown(arguments, config, "corpus", "larger-corpus", judges.training.scenes)
    shown = _shown(arguments, config, "held_out", "held_out", scenes.count)
    seen = Scenes(shown, config, scenes.count)
    for name, corpus in (("mini corpus", small), ("larger corpus", large)):
        folder = _trained(arguments, config, name, small, corpus)
        maker = InProcess(load_run(folder, WINDOWS_PER_BATCH))
        for way in (NO_GUIDANCE, CFG, DOUBLE):
            figures: list[Figures] = [
                measures.of(maker.make(seen, way, seed), TAKE_RATE_HZ)
                for seed in range(arguments.seeds)
            ]
            rows[f"{name}, {way.name}"] = summary(figures)
            print(f"{name}, {way.name}: done", file=sys.stderr, flush=True)
    columns = [f"{figure}_{tagger}" for tagger in arguments.taggers for figure in FIGURES]
    print(table(rows, [*columns, "alignment", "alignment_chance", "f1_50ms"]))
    if arguments.output:
        report = {"rows": rows, "evaluation_classifier": judges.classifier_accuracy(scenes)}
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _config(arguments: argparse.Namespace, config: Config) -> Config:
    """Of both models."""
    seconds = {
        "cavp": arguments.cavp_seconds,
        "diffusion": arguments.seconds,
        "classifier": arguments.classifier_seconds,
    }
    width = arguments.unet_width or config.networks.unet_width
    config = replace(config, networks=replace(config.networks, unet_width=width))
    return shortened(shown_at(config, arguments.size_px), seconds)


def _shown(
    arguments: argparse.Namespace, config: Config, split: str, name: str, scenes: int
) -> Path:
    """The first scenes of a split, with pictures of the configuration's size."""
    source, size_px = arguments.run / split, config.picture.height_px
    return derive_corpus(source, arguments.work / name, scenes, size_px=size_px)


def _trained(
    arguments: argparse.Namespace, config: Config, name: str, small: Path, seen: Path
) -> Path:
    """Folder of a model whose CAVP was trained on ``seen``, and the rest on ``small``."""
    run = SmallRun(arguments.work / name.replace(" ", "-"), config, small)
    run.begin(arguments.run)
    run.train("cavp", corpus=seen)
    run.train("diffusion", "classifier")
    return run.folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="The paper's Table 2 in small.")
    parser.add_argument("run", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--small-scenes", type=int, default=800)
    parser.add_argument("--cavp-seconds", type=float, default=300)
    parser.add_argument("--seconds", type=float, default=300, help="of diffusion")
    parser.add_argument("--classifier-seconds", type=float, default=120)
    parser.add_argument("--size-px", type=int, help="of all pictures; else the run's")
    parser.add_argument("--unet-width", type=int, help="of both models; else the run's")
    parser.add_argument("--judge-seconds", type=float, default=150)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--taggers", type=lambda text: text.split(","), default=list(TAGGERS), metavar="A,B"
    )
    parser.add_argument("-o", "--output", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
