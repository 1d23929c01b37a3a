"""The released Diff-Foley into a bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from foleyline_contract.bundle import EVALUATION_GRAPHS, GRAPHS, file_sha256
from foleyline_contract.specs import AlignerSpec
from foleyline_export.fetch import REPOSITORY
from foleyline_export.graph_spec import GraphSpec
from foleyline_export.graphs.diff_foley import graph_spec
from foleyline_export.networks import load_networks
from foleyline_export.self_check import self_check
from foleyline_export.write_bundle import BundlePlan, Measured, write_bundle
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes

log = logging.getLogger(__name__)
LICENCE = "MIT"
"""What the released weights' model card says."""
_URL = f"https://huggingface.co/{REPOSITORY}"
_STABLE_DIFFUSION = {
    "file": "where the diffusion weights and the autoencoder began",
    "licence": "CreativeML OpenRAIL-M",
    "author": "Robin Rombach, Patrick Esser and contributors",
    "source": "Stable Diffusion 1.4",
    "url": "https://huggingface.co/CompVis/stable-diffusion-v1-4",
}


@dataclass(frozen=True, slots=True)
class Request:
    """Which files, and how.

    Attributes:
        evaluation: eval_classifier.ckpt; adds its graph to the bundle.
        precision: ``fp32`` or ``fp16``.
        aligner_condition: ``raw`` or ``encoded``, see AlignerSpec.
        sizes: of the networks; only tests have others than the released ones.
    """

    cavp: Path
    ldm: Path
    classifier: Path
    evaluation: Path | None = None
    precision: str = "fp32"
    aligner_condition: str = MODEL.aligner.condition
    name: str = "diff-foley"
    version: str = "1"
    sizes: Sizes = RELEASED


def export_official(
    request: Request, output: Path, measured: Measured = lambda _name, _report: None
) -> None:
    """Write the bundle of the released checkpoints to ``output``.

    Raises:
        CheckpointError: a file is not what it should be; nothing was computed yet.
        VerificationError: a graph is not what its network is.
    """
    plan = plan_bundle(request)
    log.info("checking the networks against the official code")
    write_bundle(output, replace(plan, official=self_check(request.aligner_condition)), measured)


def plan_bundle(request: Request) -> BundlePlan:
    """What the bundle is to hold; every file is checked, none is loaded."""
    networks = load_networks(
        cavp=request.cavp,
        ldm=request.ldm,
        classifier=request.classifier,
        evaluation=request.evaluation,
        sizes=request.sizes,
        aligner_condition=request.aligner_condition,
    )
    names = [name for name in (*GRAPHS, *EVALUATION_GRAPHS) if name in networks.names]
    files = {
        "cavp": request.cavp,
        "ldm": request.ldm,
        "classifier": request.classifier,
        "evaluation": request.evaluation,
    }
    given = {kind: path for kind, path in files.items() if path}

    def make(name: str) -> GraphSpec:
        return graph_spec(name, networks.build(name))

    graphs: Mapping[str, Callable[[], GraphSpec]] = {name: partial(make, name) for name in names}
    return BundlePlan(
        name=request.name,
        version=request.version,
        description="Diff-Foley as released: 8 s windows, 16 kHz sound",
        licence=LICENCE,
        precision=request.precision,
        model=replace(MODEL, aligner=AlignerSpec(request.aligner_condition)),
        graphs=graphs,
        credits=[*map(_credit, given.values()), _STABLE_DIFFUSION],
        inputs={kind: file_sha256(path) for kind, path in given.items()},
        training={"source": _URL},
    )


def _credit(path: Path) -> dict[str, str]:
    return {
        "file": path.name,
        "licence": LICENCE,
        "author": "Simian Luo, Chuanhao Yan, Chenxu Hu, Hang Zhao",
        "source": "Diff-Foley, NeurIPS 2023",
        "url": _URL,
    }
