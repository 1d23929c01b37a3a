"""Weights that a user names by their path: Stable Diffusion's autoencoder, and first weights.

Whatever wrote the files: the released Diff-Foley and Stable Diffusion, diffusers, mmaction's
SlowOnly, PANNs' Cnn14, or a stage trained here. Files are read by weights_file.py, which runs
nothing of theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from foleyline_training.checkpoints import save_checkpoint
from foleyline_training.config import Config
from foleyline_training.models.diff_foley.names import autoencoder_name, unet_name
from foleyline_training.models.diff_foley.spec import Sizes
from foleyline_training.stages.networks import autoencoder_of
from foleyline_training.weights_file import CheckpointMismatch, read_tensors

log = logging.getLogger(__name__)

PARTS = ("cavp", "cavp.video", "cavp.sound", "autoencoder", "diffusion", "classifier")
"""What can be given first weights: a stage, or one of the two towers of CAVP."""
_TOWERS = {"cavp.video": "video_encoder.", "cavp.sound": "spec_encoder."}
_ANOTHER = "Name a file that holds them."


def adopt_autoencoder(config: Config, path: Path, run: Path) -> Path:
    """Keep the autoencoder in the file ``path`` as the run's own, ``<run>/autoencoder.pt``.

    Raises:
        CheckpointError: the file cannot be read, or is not that autoencoder.
    """
    network = autoencoder_of(config)
    _fill(network, read_tensors(path), config.networks.sizes, path, whole=True)
    done = run / "autoencoder.pt"
    save_checkpoint(done, {"weights": network.state_dict(), "extra": {}, "steps": 0})
    log.info("autoencoder: taken from %s", path)
    return done


def give_first_weights(network: nn.Module, part: str, path: Path, sizes: Sizes) -> None:
    """Fill ``network`` from the file ``path`` as far as it goes; the rest keeps its own weights.

    Args:
        network: a stage's.
        part: one of PARTS.

    Raises:
        CheckpointError: the file cannot be read, or has none of them, or one of another shape.
    """
    _fill(network, read_tensors(path), sizes, path, prefix=_TOWERS.get(part, ""))


def _fill(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    sizes: Sizes,
    path: Path,
    *,
    prefix: str = "",
    whole: bool = False,
) -> None:
    state = network.state_dict()
    wanted = [name for name in state if name.startswith(prefix)]
    found = {ours: tensors[name] for ours in wanted for name in _names(ours, sizes, tensors)}
    if not found or (whole and len(found) < len(wanted)):
        missing = next(name for name in wanted if name not in found)
        raise CheckpointMismatch(
            f"{path} has {len(found)} of the {len(wanted)} tensors that are needed; {missing} is "
            "one that it lacks.",
            _ANOTHER,
        )
    for ours, value in found.items():
        # The autoencoder's attention is linear layers here and 1x1 convolutions elsewhere.
        same = [n for n in value.shape if n != 1] == [n for n in state[ours].shape if n != 1]
        if not same or (not value.is_floating_point() and state[ours].is_floating_point()):
            raise CheckpointMismatch(
                f"{path} has {ours} as {tuple(value.shape)}, not {tuple(state[ours].shape)}.",
                _ANOTHER,
            )
    with torch.no_grad():
        for ours, value in found.items():
            state[ours].copy_(value.reshape(state[ours].shape))
    log.info("%d of %d tensors taken from %s", len(found), len(wanted), path)


def _names(ours: str, sizes: Sizes, tensors: Mapping[str, Tensor]) -> list[str]:
    """The name in the file of a weight of ours: of those it may have there, the first."""
    return [name for name in (ours, *_elsewhere(ours, sizes)) if name in tensors][:1]


def _elsewhere(ours: str, sizes: Sizes) -> tuple[str, ...]:
    part, _, rest = ours.partition(".")
    match part:
        case "unet":
            name = unet_name(rest.removeprefix("network."), sizes.unet_blocks)
            return f"model.diffusion_model.{name}", rest.removeprefix("network.")
        case "condition_encoder":
            return (f"cond_stage_model.{rest}",)
        case "model":  # of the aligner
            return (f"model.{unet_name(rest, sizes.classifier_blocks)}",)
        case "encoder" | "decoder":  # halves of the autoencoder: ``encoder.encoder.conv_in``
            name = autoencoder_name(rest, len(sizes.autoencoder_multipliers))
            return f"first_stage_model.{name}", name, rest
        case "video_encoder":
            return f"backbone.{rest}", rest
        case "spec_encoder":
            return (rest,)
        case _:
            return ()
