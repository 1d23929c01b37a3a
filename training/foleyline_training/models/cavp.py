"""CAVP: the video encoder and the spectrogram encoder that contrast brings together.

The official encoders are SlowOnly-R50 and Cnn14 at 4 fps (Diff-Foley, section 2.1); these
are small ones for a fine picture grid. The video encoder sees colour and both frame
differences and flattens its last map, so that *where* something is survives.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_training.models.layers import ChannelNorm, TemporalBlock

VIDEO_DILATIONS = (1, 1, 2, 1)
VIDEO_MARGIN = 1 + 2 * sum(VIDEO_DILATIONS)
"""Pictures either side that a feature depends on: one difference and the temporal blocks."""


class VideoEncoder(nn.Module):
    """Pictures to features, one a picture.

    Args:
        size_px: pictures are square; a multiple of 8.
        width: channels of the temporal part.
        feature_dim: channels of a feature.
    """

    def __init__(self, size_px: int, width: int, feature_dim: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(9, 32, 3, stride=2, padding=1),
            nn.GroupNorm(4, 32),
            nn.SiLU(),
            nn.Conv2d(32, 48, 3, stride=2, padding=1),
            nn.GroupNorm(4, 48),
            nn.SiLU(),
            nn.Conv2d(48, 64, 3, stride=2, padding=1),
            nn.GroupNorm(4, 64),
            nn.SiLU(),
        )
        cells = (size_px // 8) ** 2
        self.flatten = nn.Linear(64 * cells, width)
        self.temporal = nn.Sequential(*(TemporalBlock(width, d) for d in VIDEO_DILATIONS))
        self.out = nn.Sequential(ChannelNorm(width), nn.Conv1d(width, feature_dim, 1))
        self.norm = nn.LayerNorm(feature_dim)

    def forward(self, pictures: Tensor) -> Tensor:
        """``pictures`` (batch, frames, 3, size, size) in [0, 1] to (batch, frames, feature_dim)."""
        batch, frames = pictures.shape[:2]
        first, last = pictures[:, :1], pictures[:, -1:]
        back = pictures - torch.cat([first, pictures[:, :-1]], dim=1)
        ahead = torch.cat([pictures[:, 1:], last], dim=1) - pictures
        # Differences are small numbers; four times as large they start on a par with colour.
        x = torch.cat([pictures - 0.5, 4 * back, 4 * ahead], dim=2)
        x = x.reshape(batch * frames, 9, *pictures.shape[3:])
        x = self.flatten(self.stem(x).flatten(1))  # (batch * frames, width)
        x = x.reshape(batch, frames, -1).transpose(1, 2)
        x = self.out(self.temporal(x))  # (batch, feature_dim, frames)
        return self.norm(x.transpose(1, 2))


class SpectrogramEncoder(nn.Module):
    """Log-mel to features on the picture grid; used in training only.

    Args:
        bands: mel bands.
        downsamplings: halvings of time, so that 2 ** downsamplings mel frames make a feature.
    """

    def __init__(self, bands: int, width: int, feature_dim: int, downsamplings: int) -> None:
        super().__init__()
        self.into = nn.Conv1d(bands, width // 2, 5, padding=2)
        steps: list[nn.Module] = []
        channels = width // 2
        for _ in range(downsamplings):
            steps += [TemporalBlock(channels), nn.Conv1d(channels, width, 4, stride=2, padding=1)]
            channels = width
        self.body = nn.Sequential(*steps, TemporalBlock(width), TemporalBlock(width))
        self.out = nn.Sequential(ChannelNorm(width), nn.Conv1d(width, feature_dim, 1))
        self.norm = nn.LayerNorm(feature_dim)

    def forward(self, mel: Tensor) -> Tensor:
        """``mel`` (batch, bands, mel_frames) in [0, 1] to (batch, features, feature_dim)."""
        x = self.out(self.body(self.into(mel)))
        return self.norm(x.transpose(1, 2))


class Cavp(nn.Module):
    """Both encoders, the shared temperature, and a head that names what is heard when.

    The head (one logit a material and feature) learns from the true event times that a
    rendered corpus has for free; it is not part of the paper and not exported.
    """

    def __init__(
        self, video: VideoEncoder, spectrogram: SpectrogramEncoder, feature_dim: int, materials: int
    ) -> None:
        super().__init__()
        self.video, self.spectrogram = video, spectrogram
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        self.contact_head = nn.Linear(feature_dim, materials)

    def forward(self, pictures: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Video and audio features, each (batch, features, feature_dim)."""
        return self.video(pictures), self.spectrogram(mel)


def pooled(features: Tensor, segments: int) -> Tensor:
    """Mean features of equal segments, unit length: (batch, segments, feature_dim)."""
    batch, length, dim = features.shape
    means = features.reshape(batch, segments, length // segments, dim).mean(2)
    return F.normalize(means, dim=-1)
