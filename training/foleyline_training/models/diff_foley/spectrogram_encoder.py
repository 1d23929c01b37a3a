"""CAVP's sound tower: Cnn14 on a log-mel; for training and measuring, not for generating."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes

POOLS = ((2, 2), (2, 2), (2, 2), (2, 2), (1, 2), (1, 1))
"""Halvings of (time, mel bands) after each block: 16 mel frames make a feature."""
DROPOUT = 0.2


class ConvBlock(nn.Module):
    """Two 3x3 convolutions with batch norm."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out_channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(out_channels), nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Cnn14(nn.Module):
    """Log-mel (batch, bands, mel_frames) to (batch, mel_frames / 16, 512).

    Source: inference/model/cavp_modules.py, Cnn14, after https://arxiv.org/abs/1912.10211.
    ``fc1`` is applied twice there, with the same weights, so it is here.
    """

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(MODEL.mel.bands)
        channels = 1
        for i in range(len(POOLS)):
            self.add_module(
                f"conv_block{i + 1}", ConvBlock(channels, sizes.spectrogram_channels << i)
            )
            channels = sizes.spectrogram_channels << i
        self.fc1 = nn.Linear(channels, channels)
        self.final_project = nn.Linear(channels, MODEL.features.dim)

    def forward(self, mel: Tensor) -> Tensor:
        # The norm acts on mel bands, so they are its channels; then (batch, 1, time, bands).
        x = self.bn(mel.unsqueeze(-1)).permute(0, 3, 2, 1)
        for i, pool in enumerate(POOLS):
            x = F.avg_pool2d(self.get_submodule(f"conv_block{i + 1}")(x), pool)
            x = F.dropout(x, DROPOUT, self.training)
        x = x.mean(3)
        x = F.max_pool1d(x, 3, 1, 1) + F.avg_pool1d(x, 3, 1, 1)
        x = F.relu(self.fc1(F.relu(self.fc1(x.transpose(1, 2)))))
        return self.final_project(x)


class SpectrogramEncoder(nn.Module):
    """Log-mels to CAVP features of unit length.

    Source: inference/model/cavp_model.py, encode_spec(normalize=True, pool=False).
    """

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        self.spec_encoder = Cnn14(sizes)

    def forward(self, mel: Tensor) -> Tensor:
        """``mel`` (batch, 128, mel_frames) in [0, 1] to (batch, mel_frames / 16, 512).

        CAVP's own mels have a hop of 250 samples, so that 16 of them last one picture.
        """
        return F.normalize(self.spec_encoder(mel), dim=-1)
