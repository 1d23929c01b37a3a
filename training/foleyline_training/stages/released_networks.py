"""The released networks as the stages train them.

What Diff-Foley stores in one file is one network here; the parts keep their names, so that
layout.py finds every weight.
"""

from __future__ import annotations

from torch import Tensor, nn

from foleyline_training.models.diff_foley.aligner import Aligner as Aligner
from foleyline_training.models.diff_foley.autoencoder import LatentDecoder, LatentEncoder
from foleyline_training.models.diff_foley.cavp import Cavp as Cavp
from foleyline_training.models.diff_foley.condition_encoder import ConditionEncoder
from foleyline_training.models.diff_foley.spec import Sizes
from foleyline_training.models.diff_foley.unet import Unet


class Denoiser(nn.Module):
    """UNet and condition encoder, trained together."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.unet, self.condition_encoder = Unet(sizes), ConditionEncoder(sizes)

    def condition(self, features: Tensor, keep: Tensor, asked: Tensor | None = None) -> Tensor:
        """The condition; where ``keep`` (batch, 1, 1) is 0 it is that of features of zeros.

        So it was trained; the published sampler takes zeros for the condition itself.
        Source: stage2_ldm, ddpm.py (class_free_drop_prob).
        """
        return self.condition_encoder(features * keep)


class Autoencoder(nn.Module):
    """Stable Diffusion's autoencoder, which is not trained here."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.encoder, self.decoder = LatentEncoder(sizes), LatentDecoder(sizes)
