"""A finished training run, as export reads it: its configuration, weights and credits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foleyline_contract.bundle import NEURAL_VOCODER, file_sha256
from foleyline_export.graphs.mini import graph_specs, vocoder_spec
from foleyline_export.write_bundle import BundlePlan, Measured, write_bundle
from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.config import OPTIONAL_STAGES, RUN_CONFIG, STAGES, Config, read_run_config
from foleyline_training.models.cavp import VIDEO_MARGIN
from foleyline_training.sources import RUN_SOURCES, has_run_sources, read_run_sources


class RunIncomplete(Exception):
    """The folder lacks something that a finished run has; the text says what."""


class RunOfOtherKind(Exception):
    """The run's networks are not those that are exported from runs."""


def export_run(
    run: Path, output: Path, version: str, measured: Measured = lambda _name, _report: None
) -> None:
    """Write the bundle of the run in ``run`` to ``output``.

    Raises:
        RunIncomplete: the run is not finished.
        RunOfOtherKind: it trained the released networks.
        VerificationError: a graph is not what its network is.
    """
    config, sources = _finished_config(run), read_run_sources(run)
    extra = [name for name in OPTIONAL_STAGES if (run / f"{name}.pt").is_file()]
    stages = {name: load_checkpoint(run / f"{name}.pt") for name in (*STAGES, *extra)}
    diffusion: dict[str, Any] = stages["diffusion"]["extra"]
    # Runs from before there were palettes say nothing of one.
    palette: list[str] = diffusion.get("palette", [])
    specs = graph_specs(config, run, len(sources.materials), len(palette))
    specs += [vocoder_spec(config, run)] if "vocoder" in stages else []
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
        credits=_credits(sources.sounds, stages),
        inputs={f"{name}.pt": file_sha256(run / f"{name}.pt") for name in stages},
        training={
            "materials": list(sources.materials),
            "scenes": sources.scenes,
            "steps": {name: stage["steps"] for name, stage in stages.items()},
        },
    )
    write_bundle(output, plan, measured)


def _finished_config(run: Path) -> Config:
    needed = [RUN_CONFIG, *(f"{name}.pt" for name in STAGES)]
    missing = [name for name in needed if not (run / name).is_file()]
    if not has_run_sources(run):
        missing.append(RUN_SOURCES)
    if missing:
        raise RunIncomplete(f"{run} lacks {', '.join(missing)}.")
    config = read_run_config(run)
    if not config.networks.is_mini:
        raise RunOfOtherKind(
            f"{run} is of the released networks; only runs of the mini's are exported yet."
        )
    if config.defaults.vocoder == NEURAL_VOCODER and not (run / "vocoder.pt").is_file():
        raise RunIncomplete(
            f"{run} lacks vocoder.pt, though its default vocoder is {NEURAL_VOCODER!r}."
        )
    return config


def _credits(
    heard: Sequence[Mapping[str, str]], stages: Mapping[str, dict[str, Any]]
) -> list[Mapping[str, str]]:
    """Every sound that a network was trained on, once."""
    vocoder: Sequence[Mapping[str, str]] = ()
    if "vocoder" in stages:
        vocoder = stages["vocoder"]["extra"]["sounds"]
    rows = {row["file"]: row for row in (*vocoder, *heard)}
    return [rows[file] for file in sorted(rows)]
