"""What a vocoder is: log-mel in, sound out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.specs import MelSpec

Floats = NDArray[np.float32]
Step = Callable[[int, int], None]
"""Called with (done, all) every few iterations; may raise to stop."""


def unheard(_done: int, _of: int) -> None:
    """A Step for callers that need none."""


class Vocoder(Protocol):
    """The inverse of one bundle's mel.

    Args:
        mel: log-mel (bands, frames) in [0, 1].
        seed: gives the same sound for the same mel.
        step: told how far it is.

    Returns:
        Sound (frames * hop,) at the mel's rate; sample k * hop is the centre of mel frame k.
    """

    def __call__(self, mel: Floats, seed: int, step: Step = unheard) -> Floats: ...


def magnitude_of(mel: Floats, spec: MelSpec) -> Floats:
    """Undo the logarithm: what the filters gave for a log-mel of any shape."""
    return (10.0 ** ((mel * spec.db_range + spec.db_shift) / spec.db_per_decade)).astype(np.float32)
