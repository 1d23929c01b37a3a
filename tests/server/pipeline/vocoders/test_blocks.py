from itertools import pairwise

import numpy as np
import pytest

from foleyline_server.pipeline.vocoders.blocks import (
    BLOCK_FRAMES,
    PINNED_FRAMES,
    SHARED_FRAMES,
    blocks,
    cut,
    join,
)

HOP = 3


@pytest.mark.parametrize("frames", [1, 31, 2048, 2049, 2080, 2081, 4064, 4065, 9000])
def test_blocks_cover_every_frame_and_share_some(frames: int) -> None:
    found = list(blocks(frames))
    assert [block.number for block in found] == list(range(len(found)))
    assert {block.count for block in found} == {len(found)}
    assert (found[0].start, found[-1].end) == (0, frames)
    for one, two in pairwise(found):
        assert one.end - two.start == SHARED_FRAMES
        assert one.end - one.start == BLOCK_FRAMES
    # The last one is long enough to be joined.
    assert len(found) == 1 or found[-1].end - found[-1].start > SHARED_FRAMES


def test_past_its_end_a_mel_holds_its_last_frame() -> None:
    mel = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert cut(mel, 1, 5).tolist() == [[1, 2, 2, 2], [4, 5, 5, 5]]


def test_joining_fades_over_within_the_pinned_frames() -> None:
    first, second = blocks(3000)
    sound = np.zeros(3000 * HOP, np.float32)
    join(sound, np.full(BLOCK_FRAMES * HOP, 1, np.float32), first, HOP, lambda time: time)
    join(sound, np.full((3000 - second.start) * HOP, 2, np.float32), second, HOP, lambda time: time)
    begin = (second.start + PINNED_FRAMES // 3) * HOP
    end = (second.start + 2 * PINNED_FRAMES // 3) * HOP
    assert (sound[: begin + 1] == 1).all() and (sound[end - 1 :] == 2).all()
    assert (np.diff(sound[begin:end]) > 0).all()
