"""Weights of a finished run that another one starts from.

Such a folder is a *training checkpoint*: ``config.json``, ``sources.json`` and a ``.pt`` for each
stage, as every finished run has them; the rest of a run can be left behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from foleyline_contract.fields import FieldError
from foleyline_training.checkpoints import DAMAGED, load_checkpoint
from foleyline_training.config import RUN_CONFIG, STAGES, Config, read_run_config
from foleyline_training.sources import RUN_SOURCES, has_run_sources


class StartUnusable(Exception):
    """The folder is no training checkpoint that can be used; the text says why."""


def read_start(folder: Path) -> Config:
    """The configuration of a training checkpoint, whose files have been checked.

    Raises:
        StartUnusable: something is missing, damaged, or no checkpoint.
    """
    needed = [RUN_CONFIG, *(f"{name}.pt" for name in STAGES)]
    missing = [name for name in needed if not (folder / name).is_file()]
    if not has_run_sources(folder):
        missing.append(RUN_SOURCES)
    if missing:
        raise StartUnusable(
            f"{folder} lacks {', '.join(missing)}: name the folder of a finished run, or one with "
            "these files of it."
        )
    try:
        config = read_run_config(folder)
    except (FieldError, ValueError, OSError) as error:
        raise StartUnusable(f"{folder / RUN_CONFIG} cannot be read: {error}") from error
    for name in STAGES:
        if not isinstance(_state(folder, name).get("weights"), dict):
            raise StartUnusable(f"{folder / name}.pt holds no weights.")
    return config


def start_from(network: nn.Module, folder: Path, name: str) -> None:
    """Give ``network`` the weights that the stage ``name`` ended with.

    Raises:
        StartUnusable: they are of another network, or cannot be read.
    """
    try:
        network.load_state_dict(_state(folder, name)["weights"])
    except (RuntimeError, KeyError) as error:
        raise StartUnusable(
            f"{folder / name}.pt does not fit the networks of {folder / RUN_CONFIG}: it may be of "
            "another release."
        ) from error


def started_scale_factor(folder: Path) -> float:
    """What latents are multiplied by: the denoiser knows them at this scale only.

    Raises:
        StartUnusable: the checkpoint does not say.
    """
    scale_factor = _state(folder, "diffusion").get("extra", {}).get("scale_factor")
    if not isinstance(scale_factor, float) or not 0 < scale_factor < float("inf"):
        raise StartUnusable(f"{folder / 'diffusion.pt'} does not say its scale factor.")
    return scale_factor


def _state(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.pt"
    try:
        state = load_checkpoint(path)
    except DAMAGED as error:
        raise StartUnusable(f"{path} cannot be read: it is damaged, or no checkpoint.") from error
    if not isinstance(state, dict):
        raise StartUnusable(f"{path} is no checkpoint of a stage.")
    return state
