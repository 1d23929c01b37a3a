"""A finished training run into a verified bundle."""

from __future__ import annotations

import csv
import json
import logging
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from foleyline_contract.bundle import MEL_FILTERS, Manifest, file_sha256, write_manifest
from foleyline_contract.specs import ModelSpec
from foleyline_contract.version import BUNDLE_FORMAT_VERSION
from foleyline_export.graph_spec import GraphSpec
from foleyline_export.precision import halve_weights
from foleyline_export.trace import to_onnx
from foleyline_export.verify import verify
from foleyline_training.data.mel import mel_filters

log = logging.getLogger(__name__)

ATTRIBUTIONS = "ATTRIBUTIONS.csv"
HALF_TOLERANCE = 1e-2
"""Relative L2 that weights rounded to half precision may cost; the report has the real cost."""


def write_bundle(
    folder: Path,
    *,
    name: str,
    version: str,
    description: str,
    licence: str,
    model: ModelSpec,
    graphs: Iterable[GraphSpec],
    credits: Iterable[Mapping[str, str]],
    training: Mapping[str, Any],
) -> Manifest:
    """Export, verify and write everything; ``folder`` appears whole or not at all.

    Raises:
        VerificationError: a graph is not what its network is.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        parity = {spec.name: _write_graph(spec, draft) for spec in graphs}
        np.save(draft / MEL_FILTERS, mel_filters(model.mel))
        _write_credits(draft / ATTRIBUTIONS, credits)
        files = {path.name: file_sha256(path) for path in sorted(draft.iterdir())}
        manifest = Manifest(
            format_version=BUNDLE_FORMAT_VERSION,
            name=name,
            family="diff-foley",
            version=version,
            description=description,
            licence=licence,
            attributions=ATTRIBUTIONS,
            precision="fp16-weights",
            model=model,
            files=files,
            training=training,
            parity=parity,
        )
        write_manifest(draft, manifest)
        draft.chmod(0o755)
        _replace(folder, draft)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def _replace(folder: Path, draft: Path) -> None:
    """Put ``draft`` where ``folder`` is: two renames, so never a folder half old, half new."""
    if not folder.exists():
        draft.rename(folder)
        return
    old = draft.with_name(f"{draft.name}.old")
    folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old)


def _write_graph(spec: GraphSpec, folder: Path) -> dict[str, Any]:
    """Export in single precision, verify, store in half, verify again."""
    path = folder / f"{spec.name}.onnx"
    model = to_onnx(spec)
    onnx.save(model, path)
    report = {"fp32": verify(spec, path, spec.tolerance)}
    onnx.save(halve_weights(model), path)
    report["fp16_weights"] = verify(spec, path, HALF_TOLERANCE)
    log.info("%s: %s", spec.name, json.dumps(report))
    return report


def _write_credits(path: Path, credits: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer: csv.DictWriter[str] = csv.DictWriter(
            stream, ("file", "licence", "author", "source", "url")
        )
        writer.writeheader()
        writer.writerows(credits)
