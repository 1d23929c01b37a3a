"""A finished training run, as export reads it: its configuration, weights and credits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foleyline_contract.bundle import file_sha256
from foleyline_export.graphs.mini import graph_specs
from foleyline_export.write_bundle import BundlePlan, Measured, write_bundle
from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.config import RUN_CONFIG, STAGES, read_run_config
from foleyline_training.models.cavp import VIDEO_MARGIN
from foleyline_training.sources import RUN_SOURCES, has_run_sources, read_run_sources


class RunIncomplete(Exception):
    """The folder lacks something that a finished run has; the text says what."""


def export_run(
    run: Path, output: Path, version: str, measured: Measured = lambda _name, _report: None
) -> None:
    """Write the bundle of the run in ``run`` to ``output``.

    Raises:
        RunIncomplete: the run is not finished.
        VerificationError: a graph is not what its network is.
    """
    needed = [RUN_CONFIG, *(f"{name}.pt" for name in STAGES)]
    missing = [name for name in needed if not (run / name).is_file()]
    if not has_run_sources(run):
        missing.append(RUN_SOURCES)
    if missing:
        raise RunIncomplete(f"{run} lacks {', '.join(missing)}.")
    config, sources = read_run_config(run), read_run_sources(run)
    stages = {name: load_checkpoint(run / f"{name}.pt") for name in STAGES}
    diffusion: dict[str, Any] = stages["diffusion"]["extra"]
    # Runs from before there were palettes say nothing of one.
    palette: list[str] = diffusion.get("palette", [])
    specs = graph_specs(config, run, len(sources.materials), len(palette))
    plan = BundlePlan(
        name=config.name,
        version=version,
        description=config.description,
        licence=config.licence,
        precision="fp16-weights",
        model=config.model_spec(
            scale_factor=diffusion["scale_factor"], margin=VIDEO_MARGIN, palette=tuple(palette)
        ),
        graphs={spec.name: lambda spec=spec: spec for spec in specs},
        credits=sources.sounds,
        inputs={f"{name}.pt": file_sha256(run / f"{name}.pt") for name in STAGES},
        training={
            "materials": list(sources.materials),
            "scenes": sources.scenes,
            "steps": {name: stage["steps"] for name, stage in stages.items()},
        },
    )
    write_bundle(output, plan, measured)
