"""Measure a model on scenes that it was not trained on: synchrony, material, alignment.

    python scripts/evaluate.py RUN [--split held_out] [--clips 100] [--seeds 3] [--bundle B]
        [--in-process] [--cfg-scales 1,2,3] [--align-scales 0,5] [--distribution] [-o report.json]

RUN is a finished training run: what judges sound was made from its training corpus. A split is
``held_out``, ``unseen``, or the path of another corpus (``foley-train`` and the rigid-body
renderer make them). Without ``--in-process`` scenes are written as films at their own frame
rates, and go through client and server: films in, sound out. ``--bundle`` is a bundle's folder,
or the name of one that the server has; in this process the run's own networks are used without.

docs/evaluation.md says what each figure means.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from typing import Any

import torch
from evaluation.judges import TAGGERS, Judges
from evaluation.makers import (
    CFG,
    DOUBLE,
    NO_GUIDANCE,
    SET,
    InProcess,
    Maker,
    Way,
    own_server,
)
from evaluation.measures import Figures, Measures, summary, table
from evaluation.run_bundle import load_run
from evaluation.scenes import Scenes, SplitMissing, counts_by_material, split_folder

from foleyline_contract.bundle import MANIFEST_NAME, read_manifest
from foleyline_contract.errors import FoleyError
from foleyline_contract.specs import TAKE_RATE_HZ
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES, BundleShelf, LoadedBundle
from foleyline_server.runtime.providers import CPU
from foleyline_server.runtime.session import RuntimeOptions
from foleyline_training.metrics.taggers import TaggerMissing

WINDOWS_PER_BATCH = 12
COLUMNS = (
    "f1_50ms",
    "chance_50ms",
    "f1_100ms",
    "median_error_ms",
    "within_r37",
    "onsets_heard",
    "probe",
    "material_yamnet",
    "material_aisfx",
    "alignment",
)


def main() -> int:
    """Run the evaluation, print its table and write its report."""
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        report = evaluate(arguments)
    except (FoleyError, SplitMissing, TaggerMissing, FileNotFoundError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    print(table({"real": report["real"], **report["made"]}, COLUMNS))
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """The report, as it is written."""
    started = time.monotonic()
    judges = Judges(arguments.run, arguments.taggers, arguments.classifier_seconds)
    folder = split_folder(arguments.run, arguments.split)
    scenes = Scenes(folder, judges.config, arguments.clips)
    measures = Measures(judges, scenes, arguments.distribution)
    said(f"judges ready after {time.monotonic() - started:.0f} s")
    report: dict[str, Any] = {
        "split": folder.name,
        "clips": scenes.count,
        "clip_s": float(scenes.duration_s),
        "contacts": measures.real["contacts"],
        "moments": counts_by_material(measures.reference.moments),
        "materials_known": len(judges.training.materials),
        "in_process": arguments.in_process,
        "bundle": arguments.bundle or ("run" if arguments.in_process else "default"),
        "evaluation_classifier": judges.classifier_accuracy(scenes),
        "real": summary([measures.real]),
        "seeds": {},
        "made": {},
    }
    with maker(arguments) as made_by:
        for way in ways(arguments, made_by):
            seeds: list[Figures] = []
            for seed in range(arguments.seeds):
                begun = time.monotonic()
                sounds = made_by.make(scenes, way, seed)
                made_s = time.monotonic() - begun
                seeds.append(measures.of(sounds, TAKE_RATE_HZ))
                said(
                    f"{way.name}, seed {seed}: made in {made_s:.0f} s, "
                    f"F1 {seeds[-1]['f1_50ms']:.3f}"
                )
            report["seeds"][way.name] = [
                {name: None if isnan(value) else value for name, value in figures.items()}
                for figures in seeds
            ]
            report["made"][way.name] = summary(seeds)
    return report


def ways(arguments: argparse.Namespace, maker: Maker) -> list[Way]:
    """What is compared: the scales that were asked for, or the bundle's own and less."""
    if arguments.cfg_scales or arguments.align_scales:
        return [
            Way(f"cfg {cfg_scale}, align {align_scale}", cfg_scale, align_scale)
            for cfg_scale in arguments.cfg_scales or [None]
            for align_scale in arguments.align_scales or [None]
        ]
    found = [NO_GUIDANCE, CFG, DOUBLE] + ([SET] if maker.palette else [])
    return [way for way in found if arguments.ways is None or way.name in arguments.ways]


@contextmanager
def maker(arguments: argparse.Namespace) -> Iterator[Maker]:
    """What makes the sounds, as long as it is needed."""
    path = Path(arguments.bundle) if arguments.bundle else None
    folder = path if path is not None and (path / MANIFEST_NAME).is_file() else None
    name = read_manifest(folder).name if folder is not None else arguments.bundle
    if not arguments.in_process:
        with own_server(folder, name) as wire:
            yield wire
    elif arguments.bundle is None:
        yield InProcess(load_run(arguments.run, WINDOWS_PER_BATCH))
    else:
        yield InProcess(_loaded(folder or PACKAGED_BUNDLES, name, arguments.threads))


def _loaded(folder: Path, name: str | None, threads: int) -> LoadedBundle:
    options = RuntimeOptions((CPU,), threads=threads, windows_per_batch=WINDOWS_PER_BATCH)
    shelf = BundleShelf([folder], options, name)
    return shelf.load(shelf.find(name))


def said(text: str) -> None:
    """Progress, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure a model on scenes it never saw.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--split", default="held_out", help="held_out, unseen, or a folder")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--bundle", help="a bundle's folder, or the name of an installed one")
    parser.add_argument("--in-process", action="store_true", help="no films, no server: faster")
    parser.add_argument("--cfg-scales", type=_numbers, metavar="A,B", help="a sweep over these")
    parser.add_argument("--align-scales", type=_numbers, metavar="A,B", help="and over these")
    parser.add_argument("--ways", action="append", metavar="NAME", help="only this; repeatable")
    parser.add_argument("--distribution", action="store_true", help="also IS, FID and KL")
    parser.add_argument(
        "--taggers", type=lambda text: text.split(","), default=list(TAGGERS), metavar="A,B"
    )
    parser.add_argument("--classifier-seconds", type=float, default=150, metavar="S")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, help="write the report as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
