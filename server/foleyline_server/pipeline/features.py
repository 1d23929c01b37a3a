"""Pictures to CAVP features, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
PICTURES_PER_CHUNK = 64


def encode_features(
    pictures: Iterable[Floats],
    encode: Callable[[Floats], Floats],
    margin: int,
    per_chunk: int = PICTURES_PER_CHUNK,
) -> Iterator[Floats]:
    """Yield features in order, the same ones whatever ``per_chunk`` is.

    Every chunk is encoded together with ``margin`` pictures on either side, which is as far as
    a feature sees, so that only the clip's own ends meet the encoder's padding.

    Args:
        pictures: arrays (any, 3, height, width) in [0, value_max].
        encode: (frames, 3, height, width) to (frames, dim).
        margin: the encoder's receptive field to either side, in pictures.
        per_chunk: features per call of ``encode``.

    Yields:
        (up to ``per_chunk``, dim).
    """
    held: list[Floats] = []
    held_start = position = 0
    for chunk in pictures:
        held.extend(chunk)
        while held_start + len(held) >= position + per_chunk + margin:
            end = position + per_chunk
            window = held[: end + margin - held_start]
            yield encode(np.stack(window))[position - held_start : end - held_start]
            position = end
            keep_from = max(0, position - margin)
            del held[: keep_from - held_start]
            held_start = keep_from
    if held_start + len(held) > position:
        yield encode(np.stack(held))[position - held_start :]


def hold_last(chunks: Iterable[Floats], count: int) -> Iterator[Floats]:
    """Pass chunks of pictures on, then repeat the last picture until there are ``count``."""
    last: Floats | None = None
    passed = 0
    for chunk in chunks:
        last = chunk[-1]
        passed += len(chunk)
        yield chunk
    while last is not None and passed < count:
        length = min(PICTURES_PER_CHUNK, count - passed)
        passed += length
        yield np.repeat(last[None], length, axis=0)
