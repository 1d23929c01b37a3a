"""CAVP's objective: semantic and temporal contrast.

Source: Diff-Foley, equations 1 and 2, and section 2.1 for their sum (lambda = 1).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def symmetric_contrast(video: Tensor, audio: Tensor, scale: Tensor) -> Tensor:
    """Symmetric InfoNCE over the next-to-last axis; row i of both belongs together.

    Args:
        video, audio: unit vectors (..., n, dim).
        scale: inverse temperature, a scalar.
    """
    logits = scale * video @ audio.transpose(-2, -1)  # (..., n, n)
    logits = logits.reshape(-1, *logits.shape[-2:])
    target = torch.arange(logits.shape[-1], device=logits.device).expand(logits.shape[0], -1)
    towards_audio = F.cross_entropy(logits.transpose(1, 2), target)
    towards_video = F.cross_entropy(logits, target)
    return (towards_audio + towards_video) / 2


def semantic_contrast(video: Tensor, audio: Tensor, scale: Tensor) -> Tensor:
    """Clips against all other clips of the batch: (batch, clips, dim) unit vectors."""
    return symmetric_contrast(video.flatten(0, 1), audio.flatten(0, 1), scale)


def temporal_contrast(video: Tensor, audio: Tensor, scale: Tensor) -> Tensor:
    """Clips against the other clips of their own video: (batch, clips, dim) unit vectors."""
    return symmetric_contrast(video, audio, scale)
