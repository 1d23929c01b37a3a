"""Whether a bundle's graphs are what docs/bundle.md says; names, types and shapes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from foleyline_contract.bundle import VOCODER_GRAPH, Manifest
from foleyline_contract.errors import BundleIncomplete
from foleyline_server.runtime.session import GraphSession, TensorInfo

Shape = tuple[int | None, ...]
"""None is any size; a graph may also leave open what is fixed here."""


def expected_tensors(manifest: Manifest) -> dict[str, tuple[dict[str, Shape], dict[str, Shape]]]:
    """Graph name to its inputs and outputs, each name to shape."""
    model = manifest.model
    window, dim = model.features.per_window, model.features.dim
    latent: Shape = (None, *model.latent.shape)
    pictures: Shape = (None, None, 3, model.picture.height_px, model.picture.width_px)
    features: Shape = (None, window, dim)
    condition: Shape = (None, window, model.features.condition_dim)
    timestep: Shape = (None,)
    palette: dict[str, Shape] = {"palette": (None, len(model.palette))} if model.palette else {}
    mel: Shape = (None, model.mel.bands, None)
    optional: dict[str, tuple[dict[str, Shape], dict[str, Shape]]] = {
        VOCODER_GRAPH: ({"mel": mel}, {"spectrum": (None, 2, model.mel.n_fft // 2 + 1, None)})
    }
    return {
        "video_encoder": ({"pictures": pictures}, {"features": (None, None, dim)}),
        "condition_encoder": ({"features": features, **palette}, {"condition": condition}),
        "unet": (
            {"latent": latent, "timestep": timestep, "condition": condition},
            {"prediction": latent},
        ),
        "aligner": (
            {"latent": latent, "timestep": timestep, "features": features},
            {"log_prob": (None,), "gradient": latent},
        ),
        "latent_decoder": ({"latent": latent}, {"mel": mel}),
        **{name: tensors for name, tensors in optional.items() if name in manifest.graphs},
    }


def check_graphs(manifest: Manifest, graphs: Mapping[str, GraphSession]) -> None:
    """Compare graphs with the manifest.

    Raises:
        BundleIncomplete: one differs; the text says where.
    """
    for name, (inputs, outputs) in expected_tensors(manifest).items():
        for expected, actual in ((inputs, graphs[name].inputs), (outputs, graphs[name].outputs)):
            if fault := _fault(expected, actual):
                raise BundleIncomplete(
                    f"The graph {name!r} of bundle {manifest.name!r} does not fit: {fault}."
                )


def mel_frames_per_window(manifest: Manifest, graphs: Mapping[str, GraphSession]) -> int:
    """Mel frames the decoder gives for one window, by trying it.

    Raises:
        BundleIncomplete: they are fewer than the window's picture lasts, or no whole number of
            them falls on a latent column.
    """
    model = manifest.model
    silence = np.zeros((1, *model.latent.shape), np.float32)
    frames = graphs["latent_decoder"](latent=silence)["mel"].shape[-1]
    if frames < model.window_mel_frames:
        raise BundleIncomplete(
            f"The decoder of bundle {manifest.name!r} gives {frames} mel frames for a window "
            f"that needs {model.window_mel_frames}."
        )
    if frames % model.latent.shape[-1]:
        raise BundleIncomplete(
            f"The decoder of bundle {manifest.name!r} gives {frames} mel frames for "
            f"{model.latent.shape[-1]} latent columns, which is no whole number for each."
        )
    return frames


def _fault(expected: Mapping[str, Shape], actual: Mapping[str, TensorInfo]) -> str:
    if set(expected) != set(actual):
        return f"it has {', '.join(sorted(actual))} instead of {', '.join(sorted(expected))}"
    for name, shape in expected.items():
        info = actual[name]
        if not info.is_float32:
            return f"{name} is not float32"
        matches = len(info.shape) == len(shape) and all(
            here is None or there is None or here == there
            for here, there in zip(info.shape, shape, strict=True)
        )
        if not matches:
            return f"{name} has the shape {info.shape} instead of {shape}"
    return ""
