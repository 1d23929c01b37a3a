"""Long mels in blocks that share a few frames, and how their sounds are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BLOCK_FRAMES = 2048
SHARED_FRAMES = 32
PINNED_FRAMES = 24
"""Of the shared ones, how many the earlier block has finished; the rest lacked their future."""
_THIRD = PINNED_FRAMES // 3


@dataclass(frozen=True, slots=True)
class Block:
    """Frames ``start`` to ``end`` of a mel, the ``number``-th of ``count`` blocks."""

    number: int
    count: int
    start: int
    end: int


def blocks(frames: int) -> Iterator[Block]:
    """Blocks that cover ``frames`` frames, the last one at least ``SHARED_FRAMES`` long if it can.

    A block begins ``SHARED_FRAMES`` before the one before it ends.
    """
    starts = range(0, max(1, frames - SHARED_FRAMES), BLOCK_FRAMES - SHARED_FRAMES)
    for number, start in enumerate(starts):
        yield Block(number, len(starts), start, min(start + BLOCK_FRAMES, frames))


def cut(mel: Floats, start: int, end: int) -> Floats:
    """Frames ``start`` to ``end`` of a mel (bands, frames); past its end the last one goes on."""
    return mel[:, np.minimum(np.arange(start, end), mel.shape[1] - 1)]


def join(
    sound: Floats, part: Floats, block: Block, hop: int, rise: Callable[[Floats], Floats]
) -> None:
    """Put a block's sound in its place, fading over in the middle third of the pinned frames.

    ``rise`` turns [0, 1] into the gain of the later block; read backwards, of the earlier one.
    """
    first = block.start * hop
    part = part[: len(sound) - first]
    if block.number == 0:
        sound[: len(part)] = part
        return
    begin, end = _THIRD * hop, 2 * _THIRD * hop
    gain = rise(np.linspace(0, 1, end - begin, dtype=np.float32))
    middle = slice(first + begin, first + end)
    sound[middle] = gain[::-1] * sound[middle] + gain * part[begin:end]
    sound[first + end : first + len(part)] = part[end:]
