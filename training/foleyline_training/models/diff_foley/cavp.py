"""CAVP whole: both towers and their temperature, as they are trained and stored together."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_training.models.diff_foley.spec import RELEASED, Sizes
from foleyline_training.models.diff_foley.spectrogram_encoder import SpectrogramEncoder
from foleyline_training.models.diff_foley.video_encoder import VideoEncoder

CLIP_PICTURES = 16
"""Pictures, and features, of a training clip: 4 s."""


class Cavp(nn.Module):
    """Both towers; the names of its weights are those of the released file.

    Source: inference/model/cavp_model.py.
    """

    contact_head = None
    """Stage 1 trains one only with the mini."""

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        video, spectrogram = VideoEncoder(sizes), SpectrogramEncoder(sizes)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.video_encoder = video.video_encoder
        self.video_project_head = video.video_project_head
        self.spec_encoder = spectrogram.spec_encoder

    @property
    def log_scale(self) -> Tensor:
        """Logarithm of the inverse temperature, ()."""
        return self.logit_scale

    def forward(self, pictures: Tensor, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the contrastive loss compares, for clips of 16 pictures and 256 mel frames.

        Returns:
            Picture and sound embeddings, each (batch, 512) of unit length, and the scale, ().
        """
        seen, heard = self.features(pictures, mel)
        return clip_embedding(seen), clip_embedding(heard), self.logit_scale.exp()

    def features(self, pictures: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Features (batch, 16, 512) of clips, not yet of unit length."""
        return self._project(pictures), self.spec_encoder(mel)

    def clips(self, features: Tensor) -> Tensor:
        """Unit vectors (batch, 1, 512) of clips' features (batch, 16, 512)."""
        return clip_embedding(features).unsqueeze(1)

    def video(self, pictures: Tensor) -> Tensor:
        """Pictures (batch, frames, 3, 224, 224) to unit features, as ``VideoEncoder`` does."""
        return F.normalize(self._project(pictures), dim=-1)

    def _project(self, pictures: Tensor) -> Tensor:
        return self.video_project_head(self.video_encoder(pictures.transpose(1, 2)))


def clip_embedding(features: Tensor) -> Tensor:
    """One unit vector (batch, 512) for a clip's features (batch, 16, 512), not yet normalised.

    Raises:
        ValueError: there are not 16; upstream then normalises along time, which is no embedding.
    """
    if features.shape[1] != CLIP_PICTURES:
        raise ValueError(f"a clip has {CLIP_PICTURES} features, not {features.shape[1]}")
    return F.normalize(features.amax(1), dim=-1)
