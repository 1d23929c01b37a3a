"""How pictures of a window are lit, coloured and moved, to teach what does not depend on it.

Everything is drawn with NumPy, for reproducibility, and computed on the device that trains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foleyline_training.share import Share

DARKEST, BRIGHTEST = 0.75, 1.3
TINT = 0.12
"""How much brighter or darker each colour of a window gets, beside the light."""
GREY_SHARE, STRANGE_SHARE, NEGATIVE_SHARE = 0.12, 0.3, 0.12
"""Of windows: without colour, with colours exchanged for others, as on a negative."""
FLATTEST, STEEPEST = 0.6, 1.6
"""Exponents of brightness."""
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, slots=True)
class Light:
    """A colour of a window's pictures becomes (matrix @ colour + offset) ** exponent.

    Attributes:
        matrix: (batch, 3, 3).
        offset: (batch, 3).
        exponent: (batch,).
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    exponent: NDArray[np.float64]

    def of(self, share: Share) -> Light:
        """That of a share's rows."""
        return Light(share.of(self.matrix), share.of(self.offset), share.of(self.exponent))

    def on(self, pictures: Tensor) -> Tensor:
        """``pictures`` (batch, frames, 3, size, size) in [0, 1], in this light."""
        matrix, offset, exponent = (
            torch.from_numpy(values).to(pictures)
            for values in (self.matrix, self.offset, self.exponent)
        )
        coloured = torch.einsum("bij,bfjyx->bfiyx", matrix, pictures)
        coloured = (coloured + offset[:, None, :, None, None]).clamp_(0, 1)
        # At zero the slope of a root is infinite; nothing is learnt of that here, but be safe.
        return coloured.clamp_(min=1e-4) ** exponent[:, None, None, None, None]


def draw_light(rng: np.random.Generator, batch: int) -> Light:
    """Light for ``batch`` windows."""
    gain = rng.uniform(DARKEST, BRIGHTEST, size=(batch, 1))
    gain = gain * rng.uniform(1 - TINT, 1 + TINT, size=(batch, 3))
    grey = (rng.random(batch) < GREY_SHARE)[:, None, None]
    strange = (rng.random(batch) < STRANGE_SHARE)[:, None, None]
    negative = rng.random(batch) < NEGATIVE_SHARE
    # Rows that add up to one leave grey as it is, whatever they make of colours.
    mixing = rng.normal(0, 0.8, size=(batch, 3, 3))
    mixing += (1 - mixing.sum(2, keepdims=True)) / 3
    matrix = np.where(strange, mixing, np.eye(3))
    matrix = np.where(grey, np.tile(_LUMA, (3, 1)), matrix) * gain[:, :, None]
    sign = np.where(negative, -1.0, 1.0)
    exponent = np.exp(rng.uniform(np.log(FLATTEST), np.log(STEEPEST), size=batch))
    offset = np.repeat(negative[:, None], 3, 1).astype(np.float64)
    return Light(matrix * sign[:, None, None], offset, exponent)


def moved(pictures: Tensor, moves: NDArray[np.int64]) -> Tensor:
    """``pictures`` (batch, frames, 3, size, size), each row moved; edges are drawn out.

    Args:
        moves: (batch, 2), pixels down and right.
    """
    size = pictures.shape[-1]
    places = np.clip(np.arange(size) - moves[:, :, None], 0, size - 1)  # (batch, 2, size)
    down, right = torch.from_numpy(places).to(pictures.device).unbind(1)
    rows = torch.arange(len(pictures), device=pictures.device)[:, None, None]
    # Advanced indices apart from one another put their own axes first.
    found = pictures[rows, :, :, down[:, :, None], right[:, None, :]]
    return found.permute(0, 3, 4, 1, 2)
