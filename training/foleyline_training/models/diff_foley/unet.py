"""The denoiser: the UNet of Stable Diffusion 1, reading CAVP instead of text."""

from __future__ import annotations

from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from foleyline_training.models.diff_foley.blocks import replace_upsamplers
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes


class Unet(nn.Module):
    """Predicts the noise in a latent.

    Source: diff_foley/modules/diffusionmodules/openai_unetmodel.py; weights are named as
    diffusers names them (names.py).
    """

    def __init__(self, sizes: Sizes = RELEASED) -> None:
        super().__init__()
        levels = len(sizes.unet_multipliers)
        self.network = UNet2DConditionModel(
            in_channels=MODEL.latent.shape[0],
            out_channels=MODEL.latent.shape[0],
            down_block_types=("CrossAttnDownBlock2D",) * (levels - 1) + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (levels - 1),
            block_out_channels=tuple(sizes.unet_channels * m for m in sizes.unet_multipliers),
            layers_per_block=sizes.unet_blocks,
            cross_attention_dim=MODEL.features.condition_dim,
            # A misnomer of diffusers: with this class it is the number of heads.
            attention_head_dim=sizes.heads,
        )
        replace_upsamplers(self.network.up_blocks)

    def forward(self, latent: Tensor, timestep: Tensor, condition: Tensor) -> Tensor:
        """One evaluation.

        Args:
            latent: (batch, 4, 16, 64), noisy.
            timestep: (batch,), fractional, in [0, 1000).
            condition: (batch, F, 768); zeros where there is none.

        Returns:
            The noise, (batch, 4, 16, 64).
        """
        return self.network(latent, timestep, condition, return_dict=False)[0]
