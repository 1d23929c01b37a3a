"""The KL autoencoder that turns log-mels into latents and back.

The official system uses Stable Diffusion's KL-f8 on pictures of mels; this one is 1-D: all mel
frames of a latent column, and half as many on either side, are read by one matrix and written by
one, and everything between works at the columns' rate. Norms act within a moment only, so a
latent decodes the same whatever window it stands in, but for the receptive field at the edges.
"""

from __future__ import annotations

from torch import Tensor, nn

from foleyline_training.models.layers import ChannelNorm, TemporalBlock

BLOCKS = 3
"""Residual blocks of the encoder, and of the decoder."""


class Encoder(nn.Module):
    """Log-mel (batch, bands, mel_frames) to mean and log variance, (batch, channels, columns).

    Args:
        width: channels between mel and latent.
        per_column: mel frames of a column; even.
    """

    def __init__(self, bands: int, width: int, latent_channels: int, per_column: int) -> None:
        super().__init__()
        into = nn.Conv1d(bands, width, 2 * per_column, stride=per_column, padding=per_column // 2)
        blocks = (TemporalBlock(width) for _ in range(BLOCKS))
        out = nn.Conv1d(width, 2 * latent_channels, 1)
        self.body = nn.Sequential(into, *blocks, ChannelNorm(width), out)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.body(mel * 2 - 1).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)


class Decoder(nn.Module):
    """Latent (batch, channels, columns) to log-mel (batch, bands, mel_frames)."""

    def __init__(self, bands: int, width: int, latent_channels: int, per_column: int) -> None:
        super().__init__()
        blocks = (TemporalBlock(width) for _ in range(BLOCKS))
        self.body = nn.Sequential(
            nn.Conv1d(latent_channels, width, 3, padding=1),
            *blocks,
            ChannelNorm(width),
            nn.ConvTranspose1d(
                width, bands, 2 * per_column, stride=per_column, padding=per_column // 2
            ),
            TemporalBlock(bands),
        )

    def forward(self, latent: Tensor) -> Tensor:
        return (self.body(latent) + 1) / 2


class Autoencoder(nn.Module):
    """Encoder and decoder with a diagonal Gaussian between them."""

    def __init__(self, bands: int, width: int, latent_channels: int, per_column: int) -> None:
        super().__init__()
        self.encoder = Encoder(bands, width, latent_channels, per_column)
        self.decoder = Decoder(bands, width, latent_channels, per_column)

    def forward(self, mel: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction of ``mel`` and the KL divergence per latent value, a scalar.

        Args:
            noise: standard normal (batch, channels, columns), from which the latents are drawn.
        """
        # In full precision, whatever the encoder computed in: variances span 13 decades.
        mean, log_variance = (moment.float() for moment in self.encoder(mel))
        latent = mean + (0.5 * log_variance).exp() * noise
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return self.decoder(latent), kl
