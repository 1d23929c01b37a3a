"""The autoencoder of Stable Diffusion 1, which Diff-Foley uses unchanged on grey mel pictures.

Its halves are separate networks here: generating needs the decoder only.
"""

from __future__ import annotations

from typing import Any, cast

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from foleyline_training.models.diff_foley.blocks import replace_upsamplers
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes

MEL_COLOURS = 3
"""A mel is shown to the autoencoder as a picture of three equal colours."""
LOG_VARIANCE = (-30.0, 20.0)


def _autoencoder(sizes: Sizes) -> AutoencoderKL:
    multipliers = sizes.autoencoder_multipliers
    config: dict[str, Any] = {
        "in_channels": MEL_COLOURS,
        "out_channels": MEL_COLOURS,
        "down_block_types": ("DownEncoderBlock2D",) * len(multipliers),
        "up_block_types": ("UpDecoderBlock2D",) * len(multipliers),
        "block_out_channels": tuple(sizes.autoencoder_channels * m for m in multipliers),
        "layers_per_block": sizes.autoencoder_blocks,
        "latent_channels": MODEL.latent.shape[0],
    }
    return AutoencoderKL(**config)


class LatentEncoder(nn.Module):
    """Log-mel to the posterior of its latent, not yet multiplied by ``scale_factor``.

    Source: diff_foley/models/autoencoder.py, AutoencoderKL.encode; the mel stays in [0, 1].
    """

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        whole = _autoencoder(sizes)
        self.encoder = whole.encoder
        self.quant_conv = cast(nn.Module, whole.quant_conv)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """``mel`` (batch, 128, 8 n) to mean and log variance, each (batch, 4, 16, n)."""
        mean, log_variance = self.moments(mel).chunk(2, dim=1)
        return mean, log_variance.clamp(*LOG_VARIANCE)

    def moments(self, mel: Tensor) -> Tensor:
        """Mean and unclamped log variance in one, (batch, 8, 16, n)."""
        picture = mel.unsqueeze(1).expand(-1, MEL_COLOURS, -1, -1)
        return self.quant_conv(self.encoder(picture))


class LatentDecoder(nn.Module):
    """Latent to log-mel.

    Source: as above, AutoencoderKL.decode; upstream keeps the first colour, unclamped.
    """

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        whole = _autoencoder(sizes)
        self.post_quant_conv = cast(nn.Module, whole.post_quant_conv)
        self.decoder = whole.decoder
        replace_upsamplers(self.decoder.up_blocks)

    def forward(self, latent: Tensor) -> Tensor:
        """``latent`` (batch, 4, 16, n), already over ``scale_factor``, to (batch, 128, 8 n)."""
        return self.picture(latent)[:, 0]

    def picture(self, latent: Tensor) -> Tensor:
        """All three colours, (batch, 3, 128, 8 n)."""
        return self.decoder(self.post_quant_conv(latent))
