"""The classifier that alignment accuracy is measured with: the aligner's twin on clean latents.

Its released file also holds a copy of the autoencoder, which is a network of its own here
(autoencoder.py, LatentEncoder).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_training.models.diff_foley.aligner import Backbone
from foleyline_training.models.diff_foley.condition_encoder import ConditionEncoder
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes


class EvaluationClassifier(nn.Module):
    """log p(aligned | z, E) at diffusion time 0.

    Source: diff_foley/modules/double_guidance/alignment_classifier_metric.py.
    """

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        self.model = Backbone(sizes)
        self.cond_model = ConditionEncoder(sizes, MODEL.features.dim)

    def forward(self, latent: Tensor, features: Tensor) -> Tensor:
        """One log-probability for each row, (batch,).

        Args:
            latent: (batch, 4, 16, 64), multiplied by ``scale_factor``.
            features: (batch, F, 512), F at most ``positions``.
        """
        clean = latent.new_zeros(1).expand(latent.shape[0])
        return F.logsigmoid(self.model(latent, clean, self.cond_model(features)))
