"""A training run as a loaded bundle, its torch networks in place of graphs.

So a run can be evaluated without being exported, by the server's own sampler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foleyline_contract.bundle import GRAPHS, MEL_FILTERS, Manifest
from foleyline_contract.version import BUNDLE_FORMAT_VERSION
from foleyline_export.gradient import log_prob_with_gradient
from foleyline_server.runtime.bundles import FoundBundle, LoadedBundle
from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.config import Config, read_run_config
from foleyline_training.data.corpus_files import CorpusFiles
from foleyline_training.data.mel import mel_filters
from foleyline_training.models.cavp import VIDEO_MARGIN
from foleyline_training.stages.networks import (
    make_aligner,
    make_autoencoder,
    make_cavp,
    make_denoiser,
    make_vocoder,
    trained,
)

Floats = NDArray[np.float32]
CREDITS = "ATTRIBUTIONS.csv"


class TorchGraph:
    """A network that is called as the server calls graphs: named arrays in and out."""

    def __init__(self, call: Callable[..., Tensor | tuple[Tensor, ...]], *outputs: str) -> None:
        self.call, self.outputs = call, outputs

    def __call__(self, **inputs: Floats) -> Mapping[str, Floats]:
        tensors = {name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in inputs.items()}
        with torch.no_grad():
            found = self.call(**tensors)
        results = found if isinstance(found, tuple) else (found,)
        return {n: r.detach().numpy() for n, r in zip(self.outputs, results, strict=True)}


def load_run(run: Path, windows_per_batch: int) -> LoadedBundle:
    """The bundle that a run would become; a run without a classifier has no alignment guidance.

    Raises:
        FileNotFoundError: a stage before the classifier is not finished.
    """
    config = read_run_config(run)
    corpus = CorpusFiles(run / "corpus", config)
    extra = load_checkpoint(run / "diffusion.pt")["extra"]
    palette = tuple(extra.get("palette", ()))
    denoiser = trained(make_denoiser(config, len(palette)), run / "diffusion.pt")
    cavp = trained(make_cavp(config, len(corpus.materials)), run / "cavp.pt")
    decoder = trained(make_autoencoder(config), run / "autoencoder.pt").decoder
    networks: dict[str, nn.Module] = {
        "video_encoder": cavp.video,
        "condition_encoder": denoiser.condition_encoder,
        "unet": denoiser.unet,
        "latent_decoder": decoder,
    }
    outputs = ("features", "condition", "prediction", "mel")
    graphs = {
        name: TorchGraph(network, output)
        for (name, network), output in zip(networks.items(), outputs, strict=True)
    }
    if (run / "vocoder.pt").is_file():
        vocoder = trained(make_vocoder(config), run / "vocoder.pt")
        graphs["vocoder"] = TorchGraph(vocoder, "spectrum")
    graphs["aligner"] = _aligner(config, run / "classifier.pt")
    model = config.model_spec(
        scale_factor=extra["scale_factor"], margin=VIDEO_MARGIN, palette=palette
    )
    files = {f"{name}.onnx": "" for name in GRAPHS} | {MEL_FILTERS: "", CREDITS: ""}
    manifest = Manifest(
        format_version=BUNDLE_FORMAT_VERSION,
        name=config.name,
        family="diff-foley",
        version="run",
        description=config.description,
        licence=config.licence,
        attributions=CREDITS,
        precision="fp32",
        model=model,
        files=files,
    )
    frames = config.features.per_window * config.mel_per_picture
    found = FoundBundle(run, manifest, "")
    return LoadedBundle(found, graphs, mel_filters(config.mel), frames, windows_per_batch)


def _aligner(config: Config, weights: Path) -> TorchGraph:
    """The classifier with its gradient; where it is not trained, it must not be asked."""
    if not weights.is_file():
        return TorchGraph(_no_classifier)
    function = log_prob_with_gradient(trained(make_aligner(config), weights))

    def call(latent: Tensor, timestep: Tensor, features: Tensor) -> tuple[Tensor, ...]:
        return function(latent, timestep, features)

    return TorchGraph(call, "log_prob", "gradient")


def _no_classifier(**_inputs: Tensor) -> Tensor:
    raise FileNotFoundError("the run has no classifier.pt, so align_scale must be 0")
