"""The torch networks as a subject of the checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foleyline_export.gradient import log_prob_with_gradient
from foleyline_export.networks import Networks
from foleyline_export.reference.checks import Subject

OUTPUTS = {
    "video_encoder": ("features",),
    "condition_encoder": ("condition",),
    "unet": ("prediction",),
    "aligner": ("log_prob", "gradient"),
    "latent_decoder": ("mel",),
    "spectrogram_encoder": ("features",),
    "latent_encoder": ("mean", "log_variance"),
    "evaluation_classifier": ("log_prob",),
}
_PARTS: Mapping[str, Callable[[Any, Tensor], Tensor]] = {
    "video_encoder/backbone": lambda network, pictures: network.video_encoder(
        pictures.transpose(1, 2)
    ).transpose(1, 2),
    "video_encoder/projected": lambda network, pictures: network.project(pictures),
    "spectrogram_encoder/projected": lambda network, mel: network.spec_encoder(mel),
    "latent_encoder/moments": lambda network, mel: network.moments(mel),
    "latent_decoder/picture": lambda network, latent: network.picture(latent),
    "aligner/condition": lambda network, features: network.cond_model(features),
    "evaluation_classifier/condition": lambda network, features: network.cond_model(features),
}


def torch_subject(networks: Networks) -> Subject:
    """``networks`` as a subject; holds the network that was asked last."""
    return Subject(
        _TorchRunner(networks), aligner_condition=networks.aligner_condition, internals=True
    )


class _TorchRunner:
    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._last: tuple[str, nn.Module | None] = ("", None)

    def __call__(
        self, graph: str, inputs: Mapping[str, NDArray[Any]]
    ) -> Mapping[str, NDArray[Any]]:
        name, _, part = graph.partition("/")
        network = self._network(name)
        tensors = {key: torch.from_numpy(value) for key, value in inputs.items()}
        if name == "aligner" and not part:
            result = log_prob_with_gradient(network)(*tensors.values())
        else:
            with torch.inference_mode():
                result = _PARTS[graph](network, *tensors.values()) if part else network(**tensors)
        outputs = result if isinstance(result, tuple) else (result,)
        keys = ("value",) if part else OUTPUTS[name]
        return {key: out.numpy() for key, out in zip(keys, outputs, strict=True)}

    def _network(self, name: str) -> nn.Module:
        if self._last[0] != name:
            self._last = ("", None)  # gone before the next one comes
            self._last = (name, self._networks.build(name))
        network = self._last[1]
        assert network is not None
        return network
