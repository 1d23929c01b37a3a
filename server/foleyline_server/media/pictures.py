"""Pictures as they travel from a decoder to the networks; nothing here opens a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.messages import Clip
from foleyline_contract.specs import PictureSpec

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


class Pictures(Protocol):
    """Where a clip's pictures come from: ``Decoders.pictures``, or ``frames.iter_pictures``."""

    def __call__(
        self,
        clip: Clip,
        spec: PictureSpec,
        times_s: Iterable[Fraction],
        check: Callable[[], None] = ...,
        /,
    ) -> Iterator[Pixels]:
        """Yield the picture of each moment; see ``frames.iter_pictures``."""
        ...


def as_values(pictures: Sequence[Pixels], spec: PictureSpec) -> Floats:
    """Pictures as the video encoder reads them.

    Returns:
        float32 (pictures, 3, height_px, width_px), RGB in [0, value_max].
    """
    scaled = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)
    scaled *= np.float32(spec.value_max / 255)
    return scaled
