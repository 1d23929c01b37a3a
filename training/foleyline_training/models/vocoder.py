"""The neural vocoder: a log-mel to the STFT of a sound, on the mel's own grid of frames.

ConvNeXt blocks over time, then a head that says, for every bin of the STFT, by how much it
differs from the level that its bands have on average, and its phase. Nothing is upsampled by the
network: the inverse STFT does that. Not here: the rounds of mel-consistent Griffin-Lim that
start from this spectrum (``objectives/spectral``, and the server's own).

Source: Siuzdak 2023, "Vocos: Closing the gap between time-domain and Fourier-based neural
vocoders" (the head); Liu et al. 2022, "A ConvNet for the 2020s" (the blocks). The levels that
the head starts from are ours.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_contract.specs import MelSpec
from foleyline_training.data.mel import mel_filters
from foleyline_training.models.layers import ChannelNorm

KERNEL = 7
_EXPANSION = 3
_FIRST_SCALE = 0.1
"""How much of a block's change counts at first."""
_GAIN_MAX = 4.0
"""No bin is further above its bands' level than by this factor's exponent: 35 dB."""


class Vocoder(nn.Module):
    """Log-mel (batch, bands, frames) in [0, 1] to a spectrum (batch, 2, n_fft // 2 + 1, frames).

    Index 0 of the second axis is the real part, 1 the imaginary one. Frame k is centred on sample
    k * hop, for a Hann window. A log-mel of 0 is silence.

    Args:
        spec: the mel.
        width: channels of the blocks.
        blocks: how many; each sees 3 frames further to either side.
    """

    def __init__(self, spec: MelSpec, width: int, blocks: int) -> None:
        super().__init__()
        self.spec, self.bins = spec, spec.n_fft // 2 + 1
        spread = level_spread(spec)
        self.register_buffer("spread", torch.from_numpy(spread), persistent=False)
        self.first = nn.Conv1d(spec.bands, width, KERNEL, padding=KERNEL // 2)
        self.norm = ChannelNorm(width)
        self.blocks = nn.ModuleList(ConvNextBlock(width) for _ in range(blocks))
        self.last_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2 * self.bins)

    @property
    def margin(self) -> int:
        """Frames on either side that a frame of the spectrum depends on."""
        return (KERNEL // 2) * (1 + len(self.blocks))

    def forward(self, mel: Tensor) -> Tensor:
        hidden = self.norm(self.first(mel * 2 - 1))
        for block in self.blocks:
            hidden = block(hidden)
        gain, phase = self.head(self.last_norm(hidden.transpose(1, 2))).float().chunk(2, dim=-1)
        magnitude = self.levels(mel) * gain.clamp(max=_GAIN_MAX).exp()
        parts = torch.stack([magnitude * phase.cos(), magnitude * phase.sin()], dim=1)
        return parts.transpose(2, 3)

    def levels(self, mel: Tensor) -> Tensor:
        """Magnitudes (batch, frames, bins) of the flattest spectrum with about this mel."""
        return magnitude_of(mel, self.spec).transpose(1, 2) @ self.get_buffer("spread")


class ConvNextBlock(nn.Module):
    """Residual: each channel over time, then channels among each other at each moment."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, _EXPANSION * width)
        self.narrow = nn.Linear(_EXPANSION * width, width)
        self.scale = nn.Parameter(torch.full((width,), _FIRST_SCALE))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (batch, width, frames)."""
        h = self.norm(self.over_time(x).transpose(1, 2))
        return x + (self.scale * self.narrow(F.gelu(self.widen(h)))).transpose(1, 2)


def magnitude_of(mel: Tensor, spec: MelSpec) -> Tensor:
    """Undo the logarithm: what the filters gave for a log-mel of any shape; nothing, for a 0."""
    nepers = (mel.clamp(0, 1) * spec.db_range + spec.db_shift) * (math.log(10) / spec.db_per_decade)
    return torch.where(mel > 0, nepers.exp(), torch.zeros_like(mel))


def band_shares(spec: MelSpec) -> np.ndarray:
    """Which part of a bin each band has, (bands, bins); columns sum to 1, or 0 outside all."""
    filters = mel_filters(spec)
    whole = filters.sum(axis=0)
    return np.divide(filters, whole, where=whole > 0, out=np.zeros_like(filters))


def level_spread(spec: MelSpec) -> np.ndarray:
    """Band levels (…, bands) times this (bands, bins) are magnitudes with about these levels."""
    whole = mel_filters(spec).sum(axis=1, keepdims=True)
    return (band_shares(spec) / np.maximum(whole, 1e-12)).astype(np.float32)
