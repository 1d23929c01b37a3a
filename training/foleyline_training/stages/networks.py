"""The networks a configuration asks for, of either kind, fresh or with trained weights.

``make_*`` are the mini's. ``*_of`` are of the configuration's kind, and all that the stages
ask of them, both kinds answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor, nn

from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.config import Config
from foleyline_training.models.aligner import Aligner
from foleyline_training.models.autoencoder import Autoencoder
from foleyline_training.models.cavp import Cavp, SpectrogramEncoder, VideoEncoder
from foleyline_training.models.differences import PictureDifferences
from foleyline_training.models.unet import ConditionEncoder, UNet
from foleyline_training.models.vocoder import Vocoder

if TYPE_CHECKING:  # The released networks need diffusers, and the mini should not wait for it.
    from foleyline_training.stages import released_networks as released

Network = TypeVar("Network", bound=nn.Module)


class Denoiser(nn.Module):
    """UNet and condition encoder, trained together."""

    def __init__(self, unet: UNet, condition_encoder: ConditionEncoder) -> None:
        super().__init__()
        self.unet, self.condition_encoder = unet, condition_encoder

    def condition(self, features: Tensor, keep: Tensor, asked: Tensor | None) -> Tensor:
        """The condition; where ``keep`` (batch, 1, 1) is 0 it is zeros, as it is sampled."""
        return self.condition_encoder(features, asked) * keep


def make_cavp(config: Config, materials: int) -> Cavp:
    width, dim = config.networks.cavp_width, config.features.dim
    differences = config.networks.video_encoder == "differences"
    size_px = config.picture.height_px
    return Cavp(
        PictureDifferences(dim) if differences else VideoEncoder(size_px, width, dim),
        SpectrogramEncoder(config.mel.bands, width, dim, config.mel_per_picture),
        dim,
        materials,
    )


def make_autoencoder(config: Config) -> Autoencoder:
    per_column = config.mel_per_picture // config.latent.columns_per_feature
    width, channels = config.networks.autoencoder_width, config.latent.channels
    return Autoencoder(config.mel.bands, width, channels, per_column)


def make_denoiser(config: Config, palette: int = 0) -> Denoiser:
    """Fresh networks; ``palette`` is the number of categories that can be asked for."""
    features = config.features
    return Denoiser(
        UNet(
            config.latent.channels,
            config.networks.unet_width,
            config.networks.unet_levels,
            features.condition_dim,
            config.networks.injection,
        ),
        ConditionEncoder(features.dim, features.condition_dim, features.per_window, palette),
    )


def make_aligner(config: Config) -> Aligner:
    return Aligner(config.latent.channels, config.features.dim, config.networks.aligner_width)


def make_vocoder(config: Config) -> Vocoder:
    return Vocoder(config.mel, config.networks.vocoder_width, config.networks.vocoder_blocks)


def cavp_of(config: Config, materials: int) -> Cavp | released.Cavp:
    """Both encoders; ``materials`` is for the mini's contact head."""
    if config.networks.is_mini:
        return make_cavp(config, materials)
    from foleyline_training.stages import released_networks as released

    return released.Cavp(config.networks.sizes)


def autoencoder_of(config: Config) -> Autoencoder | released.Autoencoder:
    """Log-mels to latents and back."""
    if config.networks.is_mini:
        return make_autoencoder(config)
    from foleyline_training.stages import released_networks as released

    return released.Autoencoder(config.networks.sizes)


def denoiser_of(config: Config, palette: int = 0) -> Denoiser | released.Denoiser:
    """UNet and condition encoder; only the mini can be asked for a sound of a palette."""
    if config.networks.is_mini:
        return make_denoiser(config, palette)
    from foleyline_training.stages import released_networks as released

    return released.Denoiser(config.networks.sizes)


def aligner_of(config: Config) -> Aligner | released.Aligner:
    """The alignment classifier; the released one with its own condition encoder."""
    if config.networks.is_mini:
        return make_aligner(config)
    from foleyline_training.stages import released_networks as released

    return released.Aligner(config.networks.sizes, "encoded")


def trained(network: Network, checkpoint: Path) -> Network:
    """``network`` with a finished stage's weights, for inference."""
    network.load_state_dict(load_checkpoint(checkpoint)["weights"])
    return network.eval().requires_grad_(False)
