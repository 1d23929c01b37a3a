"""Our networks and graphs against recordings of the official Diff-Foley code.

    python scripts/parity.py RECORDINGS [--full] [--precision fp16] [--output parity.json]

RECORDINGS is a folder of .npz and .json (docs/parity.md says what they hold). Every recording
there is a check for is compared with the torch networks, with graphs exported from them here
and now, and, for whole sampling runs, with the server's own sampler over either. The weights
follow from a rule, so no checkpoint is needed. ``--full`` adds the UNet at released size, which
takes 12 GB of memory and some minutes. Ends with status 1 if anything is off by more than it may.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foleyline_export.graph_file import save_graph, weights_path
from foleyline_export.graphs.diff_foley import graph_spec
from foleyline_export.networks import Networks
from foleyline_export.precision import to_half
from foleyline_export.reference.checks import (
    REDUCED,
    TOLERANCE,
    Subject,
    check_golden,
    golden_names,
    sizes_of,
)
from foleyline_export.reference.goldens import Golden, read_golden
from foleyline_export.reference.notes import Draw, draws, shape, told
from foleyline_export.reference.rule import rule_networks
from foleyline_export.reference.torch_subject import torch_subject
from foleyline_export.trace import to_onnx
from foleyline_export.verify import Difference, measure
from foleyline_server.pipeline.guidance import Guidance
from foleyline_server.pipeline.samplers.dpm_solver import dpm_solver_pp
from foleyline_server.pipeline.schedule import NoiseLevel, Schedule
from foleyline_server.runtime.session import GraphSession, RuntimeOptions
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes

TRAJECTORY_TOLERANCE = 1e-3
"""At the end of 25 steps; with and without the classifier differ by 1.4e-2 there."""
HALF_TOLERANCE = 5e-2
CPU = RuntimeOptions(("CPUExecutionProvider",))
_LARGE = frozenset({"unet"})
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded array against what we get."""

    recording: str
    array: str
    by: str
    difference: Difference
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is no more than it may be; NaN is."""
        return self.difference.relative_l2 <= self.tolerance


class Report:
    """Prints rows as they come and keeps them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, recording: str, found: Mapping[str, Difference], by: str, limit: float) -> None:
        """Add what was found for one recording."""
        for array, difference in found.items():
            row = Row(recording, array, by, difference, limit)
            self.rows.append(row)
            mark = "" if row.passed else "   TOO FAR"
            print(
                f"{recording:<24} {array:<32} {by:<10} relative L2 {difference.relative_l2:.1e}"
                f"  max {difference.max_abs:.1e}{mark}",
                flush=True,
            )


def main() -> int:
    """Compare everything and print one line for each array."""
    arguments = _parser().parse_args()
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    report = Report()
    by = f"ONNX {arguments.precision}"
    for sizes in (REDUCED, RELEASED):
        large = _LARGE if sizes == RELEASED and not arguments.full else frozenset[str]()
        for condition in ("raw", "encoded"):
            networks = rule_networks(sizes, condition)
            graphs = frozenset(networks.names) - large
            if condition == "encoded":
                graphs = frozenset({"aligner"})
            with tempfile.TemporaryDirectory(prefix="foleyline-parity-") as folder:
                ours = graph_subject(networks, Path(folder), arguments.precision)
                compare(
                    arguments.recordings, graphs, sizes, torch_subject(networks), "torch", report
                )
                compare(arguments.recordings, graphs, sizes, ours, by, report)
    if arguments.output:
        rows = [{**asdict(row), "passed": row.passed} for row in report.rows]
        arguments.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    failed = sum(not row.passed for row in report.rows)
    print(f"{len(report.rows)} comparisons, {failed} too far off")
    return 1 if failed or not report.rows else 0


def compare(
    folder: Path, graphs: frozenset[str], sizes: Sizes, subject: Subject, by: str, report: Report
) -> None:
    """Hold one subject against every recording it can be held against."""
    half = by.endswith("fp16")
    for name in golden_names(folder, graphs, sizes):
        found = check_golden(folder, name, subject)
        report.add(name, found, by, HALF_TOLERANCE if half else TOLERANCE)
    if not {"unet", "aligner", "condition_encoder"} <= graphs:
        return
    for path in sorted(folder.glob("traj_*.json")):
        if sizes_of(path.stem) == sizes:
            found = trajectory(read_golden(folder, path.stem), folder, subject)
            report.add(path.stem, found, by, HALF_TOLERANCE if half else TRAJECTORY_TOLERANCE)


def graph_subject(networks: Networks, folder: Path, precision: str) -> Subject:
    """Graphs of ``networks``, exported when first asked for, run by the server's session."""
    sessions: dict[str, GraphSession] = {}

    def run(name: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        if name not in sessions:
            spec = graph_spec(name, networks.build(name))
            model = to_onnx(spec)
            if precision == "fp16" and not spec.stays_fp32:
                to_half(model)
            path = folder / f"{name}.onnx"
            save_graph(model, path)
            weights = [weights_path(path).name]
            sessions[name] = GraphSession(path, CPU, listed=weights)
        return sessions[name](**inputs)

    return Subject(run, aligner_condition=networks.aligner_condition)


def trajectory(golden: Golden, folder: Path, subject: Subject) -> dict[str, Difference]:
    """A whole sampling run through the server's sampler and guidance.

    Returns:
        The worst difference of the latent at any evaluation, and that of the last latent.
    """
    note = golden.note
    latent = draws(note)["x_T"].values()
    stages = sorted(folder.glob("cond_stage*.json"))
    features = draws(read_golden(folder, stages[0].stem).note)["feat"].values()
    condition = subject.run("condition_encoder", {"features": features})["condition"]
    if "cond" in draws(note):
        condition = draws(note)["cond"].values()
    cfg_scale = float(told(note, r"w=(\d+\.?\d*)")[1])
    align_scale = 0.0
    if "gamma=" in note:
        align_scale = float(told(note, r"gamma=(\d+\.?\d*)")[1])
        features = _seen(note, features)
    guidance = Guidance(
        lambda **inputs: subject.run("unet", inputs),
        lambda **inputs: subject.run("aligner", inputs),
        MODEL.schedule.prediction,
        cfg_scale,
        align_scale,
    )

    def predict(part: Floats, level: NoiseLevel) -> Floats:
        return guidance.noise(part[None], level, condition, features)[0]

    steps = int(told(note, r"(\d+) steps")[1])
    run = dpm_solver_pp(latent[0], Schedule(MODEL.schedule), steps, predict)
    found = np.stack([latent, *(step[None] for step in run)])
    final = {"final": golden.arrays["final"].difference(found[-1])}
    if golden.arrays["x"].stride != 1:
        return {"x": golden.arrays["x"].difference(found), **final}
    pairs = zip(golden.arrays["x"].value, found, strict=True)
    worst = max((measure(a, b) for a, b in pairs), key=lambda d: d.relative_l2)
    return {"x, worst step": worst, **final}


def _seen(note: str, features: Floats) -> Floats:
    """What the recorded classifier saw: ``origin_cond``, named in one of three ways."""
    if "origin_cond" in draws(note):
        return draws(note)["origin_cond"].values()
    said = told(note, r"origin_cond=(cavp_feat\d*)( l2-normalised)? \(([\d, ]+)\)")
    if said[1] == "cavp_feat":
        return features
    return Draw(f"input:{said[1]}", shape(said[3]), "unit" if said[2] else "plain").values()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare with the official code's outputs.")
    parser.add_argument("recordings", type=Path, help="folder of recorded outputs")
    parser.add_argument("--full", action="store_true", help="also the UNet at released size")
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp32")
    parser.add_argument("--output", type=Path, help="write every difference as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
