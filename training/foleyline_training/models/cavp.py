"""CAVP: the video encoder and the spectrogram encoder that contrast brings together.

The official encoders are SlowOnly-R50 and Cnn14 at 4 fps (Diff-Foley, section 2.1); these
are small ones for a fine picture grid. The video encoder sees colour and both frame
differences, and follows motion in places before it looks at the picture as a whole.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_training.models.layers import ChannelNorm, TemporalBlock

VIDEO_DILATIONS = (1, 1, 2, 1, 2, 1)
CELL_BLOCKS = 3
VIDEO_MARGIN = 1 + CELL_BLOCKS + 2 * sum(VIDEO_DILATIONS)
"""Pictures either side that a feature depends on: one difference, the cell and temporal blocks."""
CLIPS_PER_WINDOW = 8
"""A window is cut into this many clips for both contrasts (the paper draws N_T clips)."""
PATCH_PX = 4
PATCH_CHANNELS, CELL_CHANNELS, PLACED_CHANNELS = 64, 128, 24


class CellBlock(nn.Module):
    """Residual pair: across neighbouring cells, then along neighbouring pictures.

    So that motion is followed where it is, before it is said what happens in the picture.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.across = nn.Conv2d(channels, channels, 3, padding=1)
        self.along = nn.Linear(3 * channels, channels)
        nn.init.zeros_(self.along.weight)
        nn.init.zeros_(self.along.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (batch, frames, side, side, channels), and the same back."""
        h = F.relu(self.norm1(x)).flatten(0, 1).permute(0, 3, 1, 2)
        x = x + self.across(h).permute(0, 2, 3, 1).reshape(x.shape)
        h = F.relu(self.norm2(x))
        return x + self.along(torch.cat([before(h), h, after(h)], dim=-1))


class VideoEncoder(nn.Module):
    """Pictures to features, one a picture.

    Patches are read by one matrix, and cells of four patches follow what moves in them. The
    strongest answer of any cell tells what happens wherever it does; all cells, with fewer
    channels, tell where.

    Args:
        size_px: pictures are square; a multiple of 8.
        width: channels of the temporal part.
        feature_dim: channels of a feature.
    """

    def __init__(self, size_px: int, width: int, feature_dim: int) -> None:
        super().__init__()
        self.patches = size_px // PATCH_PX
        """Patches on a side."""
        cells = (self.patches // 2) ** 2
        self.stem = nn.Linear(9 * PATCH_PX**2, PATCH_CHANNELS)
        self.stem_norm = nn.LayerNorm(PATCH_CHANNELS)
        self.look = nn.Conv2d(PATCH_CHANNELS, PATCH_CHANNELS, 3, padding=1)
        self.shrink = nn.Conv2d(PATCH_CHANNELS, CELL_CHANNELS, 3, stride=2, padding=1)
        self.cells = nn.Sequential(*(CellBlock(CELL_CHANNELS) for _ in range(CELL_BLOCKS)))
        self.cells_norm = nn.LayerNorm(CELL_CHANNELS)
        self.anywhere = nn.Linear(CELL_CHANNELS, width)
        self.placed = nn.Linear(CELL_CHANNELS, PLACED_CHANNELS)
        self.flatten = nn.Linear(2 * width + PLACED_CHANNELS * cells, width)
        self.temporal = nn.Sequential(*(TemporalBlock(width, d) for d in VIDEO_DILATIONS))
        self.out = nn.Sequential(ChannelNorm(width), nn.Conv1d(width, feature_dim, 1))
        self.norm = nn.LayerNorm(feature_dim)

    def forward(self, pictures: Tensor) -> Tensor:
        """``pictures`` (batch, frames, 3, size, size) in [0, 1] to (batch, frames, feature_dim)."""
        x = self._cells(pictures)
        cells = F.relu(self.cells_norm(self.cells(x))).flatten(2, 3)
        found = self.anywhere(cells)  # (batch, frames, cells, width)
        placed = F.relu(self.placed(cells)).flatten(2)
        x = self.flatten(torch.cat([found.amax(2), found.mean(2), placed], dim=-1))
        x = self.out(self.temporal(x.transpose(1, 2)))  # (batch, feature_dim, frames)
        return self.norm(x.transpose(1, 2))

    def _cells(self, pictures: Tensor) -> Tensor:
        """What is in each cell of 8 by 8 pixels: (batch, frames, side, side, CELL_CHANNELS)."""
        batch, frames = pictures.shape[:2]
        side, pixels = self.patches, PATCH_PX
        x = pictures.reshape(batch, frames, 3, side, pixels, side, pixels)
        x = x.permute(0, 1, 3, 5, 2, 4, 6).reshape(batch, frames, side * side, 3 * pixels**2)
        # Differences are small numbers; four times as large they start on a par with colour.
        x = self.stem(torch.cat([x - 0.5, 4 * (x - before(x)), 4 * (after(x) - x)], dim=3))
        x = F.relu(self.stem_norm(x))
        x = x.reshape(batch * frames, side, side, PATCH_CHANNELS).permute(0, 3, 1, 2)
        x = self.shrink(x + F.relu(self.look(x))).permute(0, 2, 3, 1)
        return x.reshape(batch, frames, side // 2, side // 2, CELL_CHANNELS)


def before(x: Tensor) -> Tensor:
    """Each picture's predecessor, (batch, frames, ...); the first stands in for its own."""
    return torch.cat([x[:, :1], x[:, :-1]], dim=1)


def after(x: Tensor) -> Tensor:
    """Each picture's successor, (batch, frames, ...); the last stands in for its own."""
    return torch.cat([x[:, 1:], x[:, -1:]], dim=1)


class SpectrogramEncoder(nn.Module):
    """Log-mel to features on the picture grid; used in training only.

    All mel frames of a picture, and half as many on either side, are read by one matrix.

    Args:
        bands: mel bands.
        per_feature: mel frames that make a feature; even.
    """

    def __init__(self, bands: int, width: int, feature_dim: int, per_feature: int) -> None:
        super().__init__()
        self.into = nn.Conv1d(
            bands, width, 2 * per_feature, stride=per_feature, padding=per_feature // 2
        )
        self.body = nn.Sequential(*(TemporalBlock(width) for _ in range(4)))
        self.out = nn.Sequential(ChannelNorm(width), nn.Conv1d(width, feature_dim, 1))
        self.norm = nn.LayerNorm(feature_dim)

    def forward(self, mel: Tensor) -> Tensor:
        """``mel`` (batch, bands, mel_frames) in [0, 1] to (batch, features, feature_dim)."""
        x = self.out(self.body(self.into(mel - 0.5)))
        return self.norm(x.transpose(1, 2))


class Heard(NamedTuple):
    """What the contact head says of every feature, each (batch, features, ...) of logits."""

    contact: Tensor
    """(batch, features): something is touched while this picture lasts."""
    place: Tensor
    """(batch, features): when in it; after the sigmoid 0 is its beginning, 1 its end."""
    kind: Tensor
    """(batch, features, materials): of which material, if there is a contact."""
    lasting: Tensor
    """(batch, features, materials): which lasting sounds are going on."""


class ContactHead(nn.Module):
    """Names what is heard when, from a feature alone.

    It learns from the true event times that a rendered corpus has for free, and makes features
    keep them; it is not part of the paper and not exported.
    """

    def __init__(self, feature_dim: int, materials: int) -> None:
        super().__init__()
        self.materials = materials
        self.linear = nn.Linear(feature_dim, 2 + 2 * materials)

    def forward(self, features: Tensor) -> Heard:
        contact, place, kind, lasting = self.linear(features).split(
            [1, 1, self.materials, self.materials], dim=-1
        )
        return Heard(contact.squeeze(-1), place.squeeze(-1), kind, lasting)


class Cavp(nn.Module):
    """Both encoders, the shared temperature, and the contact head for both."""

    def __init__(
        self, video: nn.Module, spectrogram: SpectrogramEncoder, feature_dim: int, materials: int
    ) -> None:
        super().__init__()
        self.video, self.spectrogram = video, spectrogram
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        self.contact_head = ContactHead(feature_dim, materials)

    def forward(self, pictures: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Video and audio features, each (batch, features, feature_dim)."""
        return self.video(pictures), self.spectrogram(mel)

    def features(self, pictures: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """The same, by the name that stage 1 calls it by."""
        return self.video(pictures), self.spectrogram(mel)

    def clips(self, features: Tensor) -> Tensor:
        """Unit vectors (batch, CLIPS_PER_WINDOW, feature_dim) of a window's parts."""
        return pooled(features, CLIPS_PER_WINDOW)


def pooled(features: Tensor, segments: int) -> Tensor:
    """Mean features of equal segments, unit length: (batch, segments, feature_dim)."""
    batch, length, dim = features.shape
    means = features.reshape(batch, segments, length // segments, dim).mean(2)
    return F.normalize(means, dim=-1)
