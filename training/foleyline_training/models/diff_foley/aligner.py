"""The alignment classifier of double guidance: do this noisy latent and these features match?"""

from __future__ import annotations

from typing import Any, cast

from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from foleyline_contract.specs import AlignerSpec
from foleyline_training.models.diff_foley.blocks import PlainAttention
from foleyline_training.models.diff_foley.condition_encoder import ConditionEncoder
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes


class Backbone(nn.Module):
    """The downward half of a small UNet, pooled to one logit.

    Source: diff_foley/modules/double_guidance/alignment_backbone.py.
    """

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        widths = tuple(sizes.classifier_channels * m for m in sizes.classifier_multipliers)
        levels = len(widths)
        whole = UNet2DConditionModel(
            in_channels=MODEL.latent.shape[0],
            # The half has an output layer like a whole UNet's, narrowed to its first width.
            out_channels=widths[0],
            down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * (levels - 1),
            up_block_types=("CrossAttnUpBlock2D",) * (levels - 1) + ("UpBlock2D",),
            block_out_channels=widths,
            layers_per_block=sizes.classifier_blocks,
            cross_attention_dim=MODEL.features.dim,
            attention_head_dim=sizes.heads,
        )
        whole.set_attn_processor(cast(Any, PlainAttention()))  # its type lists its own only
        self.time_proj, self.time_embedding = whole.time_proj, whole.time_embedding
        self.conv_in, self.down_blocks = whole.conv_in, whole.down_blocks
        self.mid_block = whole.mid_block
        self.conv_norm_out = nn.GroupNorm(32, widths[-1], eps=1e-5)
        self.conv_out = nn.Conv2d(widths[-1], widths[0], 3, padding=1)
        self.classifier = nn.Linear(widths[0], 1)

    def forward(self, latent: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        """``latent`` (batch, 4, 16, 64), ``context`` (batch, F, 512) to logits (batch,)."""
        time = self.time_embedding(self.time_proj(timestep))
        x = self.conv_in(latent)
        for block in self.down_blocks:
            x = _through(block, x, time, context)
        x = self.mid_block(x, time, encoder_hidden_states=context)
        x = self.conv_out(nn.functional.silu(self.conv_norm_out(x)))
        return self.classifier(x.mean((-2, -1))).squeeze(-1)


def _through(block: nn.Module, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
    if getattr(block, "has_cross_attention", False):
        return block(x, time, encoder_hidden_states=context)[0]
    return block(x, time)[0]


class Aligner(nn.Module):
    """Logit of p(aligned | z, t, E); the official network ends in its sigmoid.

    Args:
        condition: ``encoded``, the features go through the classifier's condition encoder, as
            in its training; ``raw``, they do not, as in the published sampler.

    Source: diff_foley/modules/double_guidance/alignment_classifier.py.
    """

    def __init__(self, sizes: Sizes = RELEASED, condition: str = MODEL.aligner.condition) -> None:
        super().__init__()
        self.model = Backbone(sizes)
        encodes = AlignerSpec(condition).condition == "encoded"
        self.cond_model = ConditionEncoder(sizes, MODEL.features.dim) if encodes else None

    def forward(self, latent: Tensor, timestep: Tensor, features: Tensor) -> Tensor:
        """One logit for each row.

        Args:
            latent: (batch, 4, 16, 64), noisy.
            timestep: (batch,), fractional, in [0, 1000).
            features: (batch, F, 512); any F for ``raw``, at most ``positions`` for ``encoded``.
        """
        context = features if self.cond_model is None else self.cond_model(features)
        return self.model(latent, timestep, context)
