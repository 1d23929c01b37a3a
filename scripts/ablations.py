"""What each part of the method is worth, by short trainings of equal length.

    python scripts/ablations.py RUN WORK [--scenes 800] [--cavp-seconds 240] [--seconds 240]
        [--clips 48] [--seeds 1] [--unet-width 128] [--size-px 32] [--run-encoder] [--only NAME]
        [-o ablations.json]

RUN is a finished training run: its corpus, its autoencoder and its configuration are used. Every
variant is trained on one thread for the same time and sampled at the run's own ``cfg_scale``,
without a classifier. WORK keeps what is done; the same command goes on after a kill.

A short training does little for an encoder. ``--size-px`` shows all variants smaller pictures, with
which a step costs less; ``--run-encoder`` takes RUN's own wherever a variant is shown the same
pictures: compare such rows with one another only.

Lower picture rates hold one picture of two or four; the grid of features stays as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile

import torch
from evaluation.judges import Judges
from evaluation.makers import CFG, InProcess
from evaluation.measures import Figures, Measures, summary, table
from evaluation.run_bundle import load_run
from evaluation.scenes import Scenes, SplitMissing
from evaluation.small_runs import SmallRun, derive_corpus, shortened, shown_at

from foleyline_contract.specs import TAKE_RATE_HZ
from foleyline_training.config import Config

WINDOWS_PER_BATCH = 12
COLUMNS = ("f1_50ms", "f1_50ms_error", "chance_50ms", "median_error_ms", "probe", "alignment")


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the table; the first has everything."""

    name: str
    hold: int = 1
    trained: bool = True
    video_encoder: str = "cavp"
    injection: str = "both"
    merge_rate: float = 0.5
    size_px: int | None = None

    def fits(self, config: Config) -> bool:
        """Whether it is another than the run itself; pictures only become smaller."""
        return self.size_px is None or self.size_px < config.picture.height_px

    def config(self, config: Config) -> Config:
        """A configuration with what this variant changes."""
        networks = replace(
            config.networks, injection=self.injection, video_encoder=self.video_encoder
        )
        changed = replace(config, networks=networks, merge_rate=self.merge_rate)
        return shown_at(changed, self.size_px)


VARIANTS = (
    Variant("everything"),
    Variant("encoder not trained", trained=False),
    Variant("picture differences", trained=False, video_encoder="differences"),
    Variant("no Split & Merge", merge_rate=0.0),
    Variant("attention only", injection="attention"),
    Variant("added in time only", injection="added"),
    Variant("half the picture rate", hold=2),
    Variant("a quarter of the picture rate", hold=4),
    Variant("48 px", size_px=48),
    Variant("32 px", size_px=32),
)


def main() -> int:
    """Train, measure, print the table."""
    arguments = _parser().parse_args()
    torch.set_num_threads(1)
    try:
        judges = Judges(arguments.run, (), arguments.classifier_seconds)
        scenes = Scenes(arguments.run / "held_out", judges.config, arguments.clips)
    except (SplitMissing, FileNotFoundError) as error:
        print(f"ablations: {error}", file=sys.stderr)
        return 1
    measures = Measures(judges, scenes, distribution=False)
    rows = {"real": summary([measures.real])}
    base = _base(arguments, judges.config)
    for variant in VARIANTS:
        if not variant.fits(base):
            continue
        if arguments.only is None or variant.name in arguments.only:
            rows[variant.name] = _row(variant, base, arguments, measures)
            print(f"{variant.name}: {rows[variant.name]['f1_50ms']}", file=sys.stderr, flush=True)
    print(table(rows, COLUMNS))
    if arguments.output:
        arguments.output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


def _base(arguments: argparse.Namespace, config: Config) -> Config:
    """What all variants have in common."""
    width = arguments.unet_width or config.networks.unet_width
    config = replace(config, networks=replace(config.networks, unet_width=width))
    seconds = {"cavp": arguments.cavp_seconds, "diffusion": arguments.seconds}
    return shortened(shown_at(config, arguments.size_px), seconds)


def _row(
    variant: Variant, base: Config, arguments: argparse.Namespace, measures: Measures
) -> dict[str, dict[str, float]]:
    """Train one variant and measure it."""
    work, scenes, whole = arguments.work, measures.scenes, measures.judges.config
    config = variant.config(base)
    place = work / f"hold-{variant.hold}-{config.picture.height_px}px"
    shown = variant.hold, config.picture.height_px
    corpus = derive_corpus(arguments.run / "corpus", place / "corpus", arguments.scenes, *shown)
    seen = derive_corpus(scenes.folder, place / "held_out", scenes.count, *shown)
    run = SmallRun(work / variant.name.replace(" ", "-"), config, corpus)
    run.begin(arguments.run)
    if variant.trained and arguments.run_encoder and shown == (1, whole.picture.height_px):
        copyfile(arguments.run / "cavp.pt", run.folder / "cavp.pt")
    elif variant.trained:
        encoder = SmallRun(place / "encoder", config, corpus)
        encoder.begin(arguments.run)
        encoder.train("cavp")
        copyfile(encoder.folder / "cavp.pt", run.folder / "cavp.pt")
    else:
        run.untrained_encoder()
    run.train("diffusion")
    maker = InProcess(load_run(run.folder, WINDOWS_PER_BATCH))
    seen_scenes = Scenes(seen, config, scenes.count)
    figures: list[Figures] = [
        measures.of(maker.make(seen_scenes, CFG, seed), TAKE_RATE_HZ)
        for seed in range(arguments.seeds)
    ]
    return summary(figures)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What each part of the method is worth.")
    parser.add_argument("run", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--scenes", type=int, default=800, help="of the training corpus")
    parser.add_argument("--cavp-seconds", type=float, default=240)
    parser.add_argument("--seconds", type=float, default=240, help="of diffusion, each variant")
    parser.add_argument("--unet-width", type=int, help="of all variants; else the run's")
    parser.add_argument("--size-px", type=int, help="of all pictures; else the run's")
    parser.add_argument("--run-encoder", action="store_true", help="RUN's, where it can be used")
    parser.add_argument("--clips", type=int, default=48)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", action="append", metavar="NAME", help="repeatable")
    parser.add_argument("--classifier-seconds", type=float, default=150)
    parser.add_argument("-o", "--output", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
