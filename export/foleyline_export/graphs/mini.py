"""The five graphs of the mini networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from foleyline_export.graph_spec import GraphSpec
from foleyline_training.config import Config
from foleyline_training.stages.networks import (
    make_aligner,
    make_autoencoder,
    make_cavp,
    make_denoiser,
    make_vocoder,
    trained,
)

FRAMES_TO_TRACE = 24


def graph_specs(config: Config, run: Path, materials: int, palette: int = 0) -> list[GraphSpec]:
    """The graphs of a finished run, with the run's weights.

    Args:
        materials: how many the contact heads of CAVP tell apart.
        palette: how many sounds the condition encoder can be asked for.
    """
    cavp = trained(make_cavp(config, materials), run / "cavp.pt")
    autoencoder = trained(make_autoencoder(config), run / "autoencoder.pt")
    denoiser = trained(make_denoiser(config, palette), run / "diffusion.pt")
    aligner = trained(make_aligner(config), run / "classifier.pt")
    batch = {0: "batch"}
    return [
        GraphSpec(
            "video_encoder",
            cavp.video,
            {"pictures": {0: "batch", 1: "frames"}},
            ("features",),
            lambda n: {"pictures": _pictures(config, n)},
        ),
        GraphSpec(
            "condition_encoder",
            denoiser.condition_encoder,
            {"features": batch, **({"palette": batch} if palette else {})},
            ("condition",),
            lambda n: {"features": _features(config, n), **_palette(palette, n)},
        ),
        GraphSpec(
            "unet",
            denoiser.unet,
            {"latent": batch, "timestep": batch, "condition": batch},
            ("prediction",),
            lambda n: {**_noisy(config, n), "condition": _condition(config, n)},
        ),
        GraphSpec(
            "aligner",
            aligner,
            {"latent": batch, "timestep": batch, "features": batch},
            ("log_prob", "gradient"),
            lambda n: {**_noisy(config, n), "features": _features(config, n)},
            gradient=True,
        ),
        GraphSpec(
            "latent_decoder",
            autoencoder.decoder,
            {"latent": batch},
            ("mel",),
            lambda n: {"latent": _noisy(config, n)["latent"]},
        ),
    ]


def vocoder_spec(config: Config, run: Path) -> GraphSpec:
    """The graph of a run's vocoder, which is optional."""
    return GraphSpec(
        "vocoder",
        trained(make_vocoder(config), run / "vocoder.pt"),
        {"mel": {0: "batch", 2: "frames"}},
        ("spectrum",),
        lambda n: {"mel": torch.rand(n, config.mel.bands, FRAMES_TO_TRACE)},
    )


def _pictures(config: Config, batch: int) -> Tensor:
    picture = config.picture
    return torch.rand(batch, FRAMES_TO_TRACE, 3, picture.height_px, picture.width_px)


def _features(config: Config, batch: int) -> Tensor:
    return torch.randn(batch, config.features.per_window, config.features.dim)


def _palette(palette: int, batch: int) -> Mapping[str, Tensor]:
    """Rows that ask for one sound after the other, the first for none."""
    if not palette:
        return {}
    rows = torch.eye(palette + 1, palette).roll(1, 0)
    return {"palette": rows[torch.arange(batch) % len(rows)]}


def _condition(config: Config, batch: int) -> Tensor:
    return torch.randn(batch, config.features.per_window, config.features.condition_dim)


def _noisy(config: Config, batch: int) -> Mapping[str, Tensor]:
    columns = config.features.per_window * config.latent.columns_per_feature
    return {
        "latent": torch.randn(batch, config.latent.channels, columns),
        # Fractional on purpose: the sampler asks between the steps of training.
        "timestep": torch.linspace(3.7, 999.0, batch + 1)[:batch],
    }
