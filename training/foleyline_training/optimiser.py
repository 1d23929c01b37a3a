"""The optimiser of every stage, AdamW, and which weights it lets shrink."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from foleyline_training.stage_config import StageConfig


def make_optimiser(parameters: Sequence[nn.Parameter], config: StageConfig) -> torch.optim.AdamW:
    """AdamW over ``parameters``, decaying those that ``config.decays`` says.

    ``matrices`` leaves out what has less than two axes: biases, the weights of norms and
    temperatures. In the released CAVP these are also all whose name says bn, ln, bias or
    logit_scale, which is how its training chose them (open_clip, params.py).
    """
    groups = [{"params": list(parameters)}]
    if config.decays == "matrices":
        groups = [
            {"params": [p for p in parameters if p.dim() > 1]},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ]
    first, second = config.betas
    return torch.optim.AdamW(
        groups,
        lr=config.learning_rate,
        betas=(first, second),
        weight_decay=config.weight_decay,
    )
