"""The KL autoencoder that turns log-mels into latents and back.

The official system uses Stable Diffusion's KL-f8 on pictures of mels; this one is 1-D: mel
bands are channels, time is halved three times. Norms act within a moment only, so a latent
decodes the same whatever window it stands in, but for the receptive field at the edges.
"""

from __future__ import annotations

from torch import Tensor, nn

from foleyline_training.models.layers import ChannelNorm, TemporalBlock


class Encoder(nn.Module):
    """Log-mel (batch, bands, mel_frames) to mean and log variance, (batch, channels, columns)."""

    def __init__(self, bands: int, widths: tuple[int, ...], latent_channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv1d(bands, widths[0], 5, padding=2)]
        for narrow, wide in zip(widths, (*widths[1:], widths[-1]), strict=True):
            layers += [TemporalBlock(narrow), nn.Conv1d(narrow, wide, 4, stride=2, padding=1)]
        layers += [TemporalBlock(widths[-1]), ChannelNorm(widths[-1])]
        self.body = nn.Sequential(*layers, nn.Conv1d(widths[-1], 2 * latent_channels, 1))

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.body(mel * 2 - 1).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)


class Decoder(nn.Module):
    """Latent (batch, channels, columns) to log-mel (batch, bands, mel_frames)."""

    def __init__(self, bands: int, widths: tuple[int, ...], latent_channels: int) -> None:
        super().__init__()
        wide_first = tuple(reversed(widths))
        layers: list[nn.Module] = [nn.Conv1d(latent_channels, wide_first[0], 3, padding=1)]
        layers += [TemporalBlock(wide_first[0]), TemporalBlock(wide_first[0])]
        for wide, narrow in zip(wide_first, (*wide_first[1:], wide_first[-1]), strict=True):
            layers += [
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv1d(wide, narrow, 3, padding=1),
                TemporalBlock(narrow),
            ]
        layers += [ChannelNorm(wide_first[-1]), nn.Conv1d(wide_first[-1], bands, 5, padding=2)]
        self.body = nn.Sequential(*layers)

    def forward(self, latent: Tensor) -> Tensor:
        return (self.body(latent) + 1) / 2


class Autoencoder(nn.Module):
    """Encoder and decoder with a diagonal Gaussian between them."""

    def __init__(self, bands: int, widths: tuple[int, ...], latent_channels: int) -> None:
        super().__init__()
        self.encoder = Encoder(bands, widths, latent_channels)
        self.decoder = Decoder(bands, widths, latent_channels)

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
