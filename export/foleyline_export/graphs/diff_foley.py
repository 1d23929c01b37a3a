"""The graphs of the released Diff-Foley networks, and what of them half precision may touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_export.graph_spec import GraphSpec
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED

_BATCH = {0: "batch"}
# Condition encoders have a position for each feature, and no more.
_FEATURE_AXES = {0: "batch", 1: f"frames<={RELEASED.positions}"}
_TRACED_FRAMES = 40
_TRACED_COLUMNS = 8
"""Half the networks take any width; a narrow one is quicker to trace and to verify."""
Samples = Callable[[int], Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True)
class _Shape:
    """A graph's names, axes and sample inputs."""

    inputs: Mapping[str, Mapping[int, str]]
    outputs: tuple[str, ...]
    samples: Samples
    gradient: bool = False
    stays_fp32: bool = False


def graph_spec(name: str, network: nn.Module) -> GraphSpec:
    """The spec of the graph ``name`` with these weights.

    Raises:
        KeyError: there is no such graph.
    """
    shape = _SHAPES[name]
    return GraphSpec(
        name,
        network,
        shape.inputs,
        shape.outputs,
        shape.samples,
        gradient=shape.gradient,
        stays_fp32=shape.stays_fp32,
    )


def _pictures(batch: int) -> Mapping[str, Tensor]:
    picture = MODEL.picture
    shape = (batch, _TRACED_FRAMES, 3, picture.height_px, picture.width_px)
    return {"pictures": torch.rand(shape) * picture.value_max}


def _features(batch: int) -> Mapping[str, Tensor]:
    rows = torch.randn(batch, MODEL.features.per_window, MODEL.features.dim)
    return {"features": F.normalize(rows, dim=-1)}


def _latent(batch: int) -> Mapping[str, Tensor]:
    return {"latent": torch.randn(batch, *MODEL.latent.shape)}


def _noisy(batch: int) -> Mapping[str, Tensor]:
    # Fractional on purpose: the sampler asks between the steps of training.
    return {**_latent(batch), "timestep": torch.linspace(999.0, 39.96, batch + 1)[:batch]}


def _condition(batch: int) -> Mapping[str, Tensor]:
    return {
        "condition": torch.randn(batch, MODEL.features.per_window, MODEL.features.condition_dim)
    }


def _narrow_latent(batch: int) -> Mapping[str, Tensor]:
    return {"latent": torch.randn(batch, *MODEL.latent.shape[:-1], _TRACED_COLUMNS)}


def _mel(frames: int) -> Samples:
    return lambda batch: {"mel": torch.rand(batch, MODEL.mel.bands, frames)}


_SHAPES = {
    "video_encoder": _Shape({"pictures": {0: "batch", 1: "frames"}}, ("features",), _pictures),
    "condition_encoder": _Shape({"features": _FEATURE_AXES}, ("condition",), _features),
    "unet": _Shape(
        {"latent": _BATCH, "timestep": _BATCH, "condition": _FEATURE_AXES},
        ("prediction",),
        lambda batch: {**_noisy(batch), **_condition(batch)},
    ),
    "aligner": _Shape(
        {"latent": _BATCH, "timestep": _BATCH, "features": _FEATURE_AXES},
        ("log_prob", "gradient"),
        lambda batch: {**_noisy(batch), **_features(batch)},
        gradient=True,
        # Gradients are about as small as half precision's smallest normal number.
        stays_fp32=True,
    ),
    "latent_decoder": _Shape({"latent": {0: "batch", 3: "columns"}}, ("mel",), _narrow_latent),
    "spectrogram_encoder": _Shape(
        {"mel": {0: "batch", 2: "16*tokens"}}, ("features",), _mel(256), stays_fp32=True
    ),
    "latent_encoder": _Shape(
        {"mel": {0: "batch", 2: "8*columns"}},
        ("mean", "log_variance"),
        _mel(8 * _TRACED_COLUMNS),
        stays_fp32=True,
    ),
    "evaluation_classifier": _Shape(
        {"latent": _BATCH, "features": _FEATURE_AXES},
        ("log_prob",),
        lambda batch: {**_latent(batch), **_features(batch)},
        stays_fp32=True,
    ),
}
