"""Which tensors the released files hold, and how networks take theirs.

Reading the files themselves is export's business; this says what has to be in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from foleyline_training.models.diff_foley.aligner import Aligner
from foleyline_training.models.diff_foley.autoencoder import LatentDecoder, LatentEncoder
from foleyline_training.models.diff_foley.cavp import Cavp
from foleyline_training.models.diff_foley.condition_encoder import ConditionEncoder
from foleyline_training.models.diff_foley.evaluation_classifier import EvaluationClassifier
from foleyline_training.models.diff_foley.names import (
    autoencoder_name,
    official_shape,
    unet_name,
)
from foleyline_training.models.diff_foley.schedule import BUFFERS
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes
from foleyline_training.models.diff_foley.spectrogram_encoder import SpectrogramEncoder
from foleyline_training.models.diff_foley.unet import Unet
from foleyline_training.models.diff_foley.video_encoder import VideoEncoder

FileKind = Literal["cavp", "ldm", "classifier", "evaluation"]
"""cavp_epoch66.ckpt, ldm_epoch240.ckpt, double_guidance_classifier.ckpt, eval_classifier.ckpt."""

SCALE_FACTOR = "scale_factor"


def _same(ours: str, sizes: Sizes) -> str:
    return ours


def _unet(ours: str, sizes: Sizes) -> str:
    name = unet_name(ours.removeprefix("network."), sizes.unet_blocks)
    return f"model.diffusion_model.{name}"


def _condition_encoder(ours: str, sizes: Sizes) -> str:
    return f"cond_stage_model.{ours}"


def _autoencoder(ours: str, sizes: Sizes) -> str:
    name = autoencoder_name(ours, len(sizes.autoencoder_multipliers))
    return f"first_stage_model.{name}"


def _classifier(ours: str, sizes: Sizes) -> str:
    part, _, rest = ours.partition(".")
    return ours if part == "cond_model" else f"model.{unet_name(rest, sizes.classifier_blocks)}"


_NAMES: Mapping[type[nn.Module], Callable[[str, Sizes], str]] = {
    Cavp: _same,
    VideoEncoder: _same,
    SpectrogramEncoder: _same,
    Unet: _unet,
    ConditionEncoder: _condition_encoder,
    LatentEncoder: _autoencoder,
    LatentDecoder: _autoencoder,
    Aligner: _classifier,
    EvaluationClassifier: _classifier,
}


def official_names(network: nn.Module, sizes: Sizes = RELEASED) -> dict[str, str]:
    """Our name to the released file's, for every weight and buffer of a network here."""
    name = _NAMES[type(network)]
    return {ours: name(ours, sizes) for ours in network.state_dict()}


def load_official(
    network: nn.Module, tensors: Mapping[str, Tensor], sizes: Sizes = RELEASED
) -> None:
    """Give ``network`` its weights out of ``tensors``, by official name, without copying them.

    Raises:
        KeyError: one is missing.
        RuntimeError: one has another number of values.
    """
    state = network.state_dict()
    names = official_names(network, sizes)
    weights = {ours: tensors[names[ours]].reshape(state[ours].shape) for ours in state}
    network.load_state_dict(weights, assign=True)


def file_layout(kind: FileKind, sizes: Sizes = RELEASED) -> dict[str, tuple[int, ...]]:
    """Official name to shape of everything that the released file of this kind holds."""
    shapes: dict[str, tuple[int, ...]] = {}
    if kind != "cavp":
        shapes |= dict.fromkeys(BUFFERS, (MODEL.schedule.steps,))
    if kind in ("classifier", "evaluation"):
        shapes[SCALE_FACTOR] = ()
    with torch.device("meta"):
        networks = _FILES[kind](sizes)
    for network in networks:
        names = official_names(network, sizes)
        for ours, tensor in network.state_dict().items():
            shapes[names[ours]] = official_shape(names[ours], tuple(tensor.shape))
    return shapes


_FILES: Mapping[FileKind, Callable[[Sizes], tuple[nn.Module, ...]]] = {
    "cavp": lambda sizes: (Cavp(sizes),),
    "ldm": lambda sizes: (
        Unet(sizes),
        ConditionEncoder(sizes),
        LatentEncoder(sizes),
        LatentDecoder(sizes),
    ),
    "classifier": lambda sizes: (Aligner(sizes, "encoded"),),
    "evaluation": lambda sizes: (
        EvaluationClassifier(sizes),
        LatentEncoder(sizes),
        LatentDecoder(sizes),
    ),
}
