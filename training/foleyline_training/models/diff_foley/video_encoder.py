"""CAVP's picture tower: SlowOnly-R50, a ResNet-50 whose late stages look along time."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes

EXPANSION = 4
"""A stage's output channels for each of its inner ones."""


class ConvNorm(nn.Module):
    """Convolution and batch norm. Kernel and stride are (time, space)."""

    def __init__(
        self, channels: int, out_channels: int, kernel: tuple[int, int], stride: int = 1
    ) -> None:
        super().__init__()
        time, space = kernel
        self.conv = nn.Conv3d(
            channels,
            out_channels,
            (time, space, space),
            (1, stride, stride),
            (time // 2, space // 2, space // 2),
            bias=False,
        )
        self.bn = nn.BatchNorm3d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Bottleneck(nn.Module):
    """Residual block: narrow (and look along time), look around, widen."""

    def __init__(self, channels: int, inner: int, stride: int, sees_time: bool) -> None:
        super().__init__()
        wide = EXPANSION * inner
        self.conv1 = ConvNorm(channels, inner, (3 if sees_time else 1, 1))
        self.conv2 = ConvNorm(inner, inner, (1, 3), stride)
        self.conv3 = ConvNorm(inner, wide, (1, 1))
        same = channels == wide and stride == 1
        self.downsample = None if same else ConvNorm(channels, wide, (1, 1), stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class SlowOnly(nn.Module):
    """Pictures (batch, 3, frames, height, width) to (batch, frames, 32 * video_channels).

    Source: inference/model/cavp_modules.py, ResNet3dSlowOnly with depth 50; the architecture
    is SlowOnly of https://arxiv.org/abs/1812.03982.
    """

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        channels = sizes.video_channels
        self.conv1 = ConvNorm(3, channels, (1, 7), stride=2)
        stages = zip(sizes.video_blocks, sizes.video_sees_time, strict=True)
        for i, (blocks, sees_time) in enumerate(stages):
            inner = sizes.video_channels << i
            layers: list[nn.Module] = []
            for j in range(blocks):
                stride = 2 if i > 0 and j == 0 else 1
                layers.append(Bottleneck(channels, inner, stride, sees_time))
                channels = EXPANSION * inner
            self.add_module(f"layer{i + 1}", nn.Sequential(*layers))
        self.stages = len(sizes.video_blocks)
        self.channels = channels

    def forward(self, pictures: Tensor) -> Tensor:
        x = F.relu(self.conv1(pictures))
        x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        for i in range(self.stages):
            x = self.get_submodule(f"layer{i + 1}")(x)
        return x.mean((-2, -1)).transpose(1, 2)


class VideoEncoder(nn.Module):
    """Pictures to CAVP features of unit length, one a picture.

    A feature depends on ``sizes.video_margin`` pictures either side, so pictures have to be
    encoded with that much around them.

    Source: inference/model/cavp_model.py, encode_video(normalize=True, pool=False).
    """

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        self.video_encoder = SlowOnly(sizes)
        self.video_project_head = nn.Linear(self.video_encoder.channels, MODEL.features.dim)

    def forward(self, pictures: Tensor) -> Tensor:
        """``pictures`` (batch, frames, 3, 224, 224) in [0, 1] to (batch, frames, 512)."""
        return F.normalize(self.project(pictures), dim=-1)

    def project(self, pictures: Tensor) -> Tensor:
        """The features before they are brought to unit length."""
        return self.video_project_head(self.video_encoder(pictures.transpose(1, 2)))
