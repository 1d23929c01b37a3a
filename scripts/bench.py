"""ONNX Runtime against torch, and our vocoder against librosa, side by side in one run.

    python scripts/bench.py WEIGHTS BUNDLE [--threads 2] [--repeats 7] [--output bench.json]

WEIGHTS is a folder with the three checkpoints (or what scripts/rule_weights.py writes), BUNDLE
what foley-export made of them. Both sides of a pair run in turns, with equal threads, so that
whatever else the machine does hits both. Prints medians and ratios; the ratio is what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from foleyline_export.fetch import RELEASED
from foleyline_export.gradient import log_prob_with_gradient
from foleyline_export.graph_file import weights_path
from foleyline_export.graphs.diff_foley import graph_spec
from foleyline_export.networks import load_networks
from foleyline_server.runtime.library import library_version
from foleyline_server.runtime.session import GraphSession, RuntimeOptions

BATCHES = {"unet": 2, "video_encoder": 1, "latent_decoder": 1, "aligner": 1}
"""Rows of one call in the main job: the UNet takes an unconditional and a conditional row."""
FULL_WIDTH_COLUMNS = 64


@dataclass(frozen=True, slots=True)
class Pair:
    """Median seconds of the two sides; ``ratio`` above 1 means that ours is faster."""

    name: str
    theirs_s: float
    ours_s: float
    ratio: float
    repeats: int


def measure(
    name: str, theirs: Callable[[], object], ours: Callable[[], object], repeats: int
) -> Pair:
    """Run both in turns, after one warm-up each."""
    seconds: dict[int, list[float]] = {0: [], 1: []}
    for repeat in range(repeats + 1):
        for side, run in enumerate((theirs, ours)):
            started = time.perf_counter()
            run()
            if repeat:
                seconds[side].append(time.perf_counter() - started)
    medians = [statistics.median(seconds[side]) for side in (0, 1)]
    return Pair(name, medians[0], medians[1], medians[0] / medians[1], repeats)


def bench_graph(name: str, weights: Path, bundle: Path, threads: int, repeats: int) -> Pair:
    """One network: torch as it is, against its graph in the server's own session."""
    cavp, ldm, classifier = (weights / RELEASED[kind] for kind in ("cavp", "ldm", "classifier"))
    network = load_networks(cavp, ldm, classifier).build(name)
    # In memory, not mapped from the file: both sides are to have their weights at hand.
    network.load_state_dict({k: v.clone() for k, v in network.state_dict().items()}, assign=True)
    inputs = dict(graph_spec(name, network).samples(BATCHES[name]))
    if name == "latent_decoder":
        inputs["latent"] = torch.randn(*inputs["latent"].shape[:-1], FULL_WIDTH_COLUMNS)
    arrays: Mapping[str, np.ndarray] = {key: value.numpy() for key, value in inputs.items()}
    options = RuntimeOptions(("CPUExecutionProvider",), threads)
    path = bundle / f"{name}.onnx"
    session = GraphSession(path, options, listed=[weights_path(path).name])
    forward = log_prob_with_gradient(network) if name == "aligner" else network

    def theirs() -> None:
        with torch.inference_mode(name != "aligner"):
            forward(*inputs.values())

    return measure(name, theirs, lambda: session(**arrays), repeats)


def main() -> int:
    """Run all pairs and print the table."""
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    pairs: list[Pair] = []
    for name in arguments.only or BATCHES:
        pair = bench_graph(
            name, arguments.weights, arguments.bundle, arguments.threads, arguments.repeats
        )
        pairs.append(pair)
        print(
            f"{pair.name:>16}  torch {pair.theirs_s:7.3f} s  ONNX {pair.ours_s:7.3f} s"
            f"  ratio {pair.ratio:.2f}",
            flush=True,
        )
    if arguments.output:
        report = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} threads",
            "versions": {"torch": torch.__version__, "onnxruntime": library_version()},
            "pairs": [asdict(pair) for pair in pairs],
        }
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Time graphs against networks.")
    parser.add_argument("weights", type=Path, help="folder with the three released checkpoints")
    parser.add_argument("bundle", type=Path, help="bundle exported from them")
    parser.add_argument("--only", action="append", choices=BATCHES, help="only this graph")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
