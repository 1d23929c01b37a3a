import numpy as np
import pytest

from foleyline_server.pipeline.features import encode_features, hold_last

MARGIN = 3


def encode(pictures: np.ndarray) -> np.ndarray:
    """A feature is the sum of the pictures up to MARGIN away, zeros beyond the ends."""
    means = np.pad(pictures.mean((1, 2, 3)), MARGIN)
    return np.stack([means[k : k + len(pictures)] for k in range(2 * MARGIN + 1)]).sum(0)[:, None]


def clip(count: int) -> np.ndarray:
    return np.random.default_rng(1).random((count, 3, 2, 2), dtype=np.float32)


@pytest.mark.parametrize("count", [1, 2, 5, 16, 17, 50])
@pytest.mark.parametrize("per_chunk", [1, 2, 5, 16, 64])
@pytest.mark.parametrize("arriving", [1, 7, 32])
def test_features_do_not_depend_on_chunks(count: int, per_chunk: int, arriving: int) -> None:
    pictures = clip(count)
    chunks = [pictures[k : k + arriving] for k in range(0, count, arriving)]
    features = np.concatenate(list(encode_features(chunks, encode, MARGIN, per_chunk)))
    assert features == pytest.approx(encode(pictures), abs=1e-5)


def test_few_pictures_are_held_at_a_time() -> None:
    longest = 0

    def spy(pictures: np.ndarray) -> np.ndarray:
        nonlocal longest
        longest = max(longest, len(pictures))
        return encode(pictures)

    list(encode_features((clip(10) for _ in range(40)), spy, MARGIN, 16))
    assert longest <= 16 + 2 * MARGIN


@pytest.mark.parametrize("count", [5, 6, 200])
def test_the_last_picture_is_held(count: int) -> None:
    pictures = clip(5)
    held = np.concatenate(list(hold_last([pictures[:3], pictures[3:]], count)))
    assert len(held) == count
    assert (held[:5] == pictures).all() and (held[5:] == pictures[-1]).all()
