"""Networks into a verified bundle, graph by graph."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from foleyline_contract.bundle import MEL_FILTERS, Manifest, format_for, write_manifest
from foleyline_contract.fields import to_json
from foleyline_contract.specs import ModelSpec
from foleyline_contract.version import PACKAGE_VERSION
from foleyline_export.draft import Draft
from foleyline_export.graph_file import forget_shapes, graph_files, save_graph
from foleyline_export.graph_spec import GraphSpec
from foleyline_export.precision import halve_weights, to_half
from foleyline_export.trace import to_onnx
from foleyline_export.verify import VerificationError, verify
from foleyline_training.data.mel import mel_filters

ATTRIBUTIONS = "ATTRIBUTIONS.csv"
Report = Mapping[str, Any]
Measured = Callable[[str, Report], None]


@dataclass(frozen=True, slots=True)
class BundlePlan:
    """What a bundle is to hold.

    Attributes:
        precision: one of ``foleyline_contract.bundle.PRECISIONS``.
        graphs: graph name to what makes its spec; called one at a time, so that only one
            network is in memory.
        credits: rows of the attribution table.
        inputs: what each file the bundle is made from is to it, to its sha256.
        official: graph name to how far its network is from the official code's outputs.
    """

    name: str
    version: str
    description: str
    licence: str
    precision: str
    model: ModelSpec
    graphs: Mapping[str, Callable[[], GraphSpec]]
    credits: Iterable[Mapping[str, str]]
    inputs: Mapping[str, str]
    training: Mapping[str, Any]
    official: Mapping[str, Report] = field(default_factory=dict[str, Report])

    def key(self) -> str:
        """Changes with whatever would make other files."""
        parts = (PACKAGE_VERSION, self.version, self.precision, dict(self.inputs))
        text = json.dumps([*parts, to_json(self.model)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def write_bundle(
    folder: Path, plan: BundlePlan, measured: Measured = lambda _name, _report: None
) -> Manifest:
    """Export, verify and write everything; ``folder`` appears whole or not at all.

    An interrupted export goes on where it stopped when it is started again. ``measured`` is
    called with every graph's parity report as soon as it is known.

    Raises:
        VerificationError: a graph is not what its network is.
    """
    draft = Draft.open(folder, plan.key())
    parity: dict[str, Report] = {}
    try:
        for name, make in plan.graphs.items():
            report = draft.finished(name)
            if report is None:
                report = _write_graph(make(), draft, plan.precision)
            if name in plan.official:
                report = {"official": plan.official[name], **report}
            measured(name, report)
            parity[name] = report
        np.save(draft.folder / MEL_FILTERS, mel_filters(plan.model.mel))
        _write_credits(draft.folder / ATTRIBUTIONS, plan.credits)
        manifest = _manifest(plan, draft, parity)
        write_manifest(draft.folder, manifest)
        draft.publish(folder)
    except (VerificationError, ValueError):
        draft.discard()  # again would end the same way
        raise
    return manifest


def _manifest(plan: BundlePlan, draft: Draft, parity: Mapping[str, Report]) -> Manifest:
    return Manifest(
        format_version=format_for(plan.model),
        name=plan.name,
        family="diff-foley",
        version=plan.version,
        description=plan.description,
        licence=plan.licence,
        attributions=ATTRIBUTIONS,
        precision=plan.precision,
        model=plan.model,
        files=draft.hashes(),
        training={**plan.training, "inputs": dict(plan.inputs)},
        parity=parity,
    )


def _write_graph(spec: GraphSpec, draft: Draft, precision: str) -> Report:
    """Export in single precision, verify; then what ``precision`` asks for, verified again."""
    with draft.workshop() as work:
        single = work / "fp32" / f"{spec.name}.onnx"
        model = to_onnx(spec)
        save_graph(model, single)
        report: dict[str, Any] = {"fp32": verify(spec, single, spec.tolerance)}
        chosen = single
        if precision == "fp16":
            half = work / "fp16" / single.name
            to_half(model)
            save_graph(model, half)
            report["fp16"] = verify(spec, half, spec.half_tolerance)
            report["used"] = "fp32" if spec.stays_fp32 else "fp16"
            chosen = single if spec.stays_fp32 else half
        if precision == "fp16-weights":
            halve_weights(model)
            save_graph(model, single)
            report["fp16_weights"] = verify(spec, single, spec.half_tolerance)
        forget_shapes(chosen)
        draft.finish(spec.name, graph_files(chosen), report)
    return report


def _write_credits(path: Path, credits: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer: csv.DictWriter[str] = csv.DictWriter(
            stream, ("file", "licence", "author", "source", "url")
        )
        writer.writeheader()
        writer.writerows(credits)
