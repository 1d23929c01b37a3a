import numpy as np
import pytest

from foleyline_training.stages.pairs import draw_pairs, least_shift


@pytest.fixture
def pairs(tiny, corpus):
    return list(zip(*draw_pairs(np.random.default_rng(0), tiny, corpus, 1000), strict=True))


def test_kinds_have_their_shares(pairs):
    shares = np.bincount([kind for _, _, kind in pairs]) / len(pairs)
    np.testing.assert_allclose(shares, [0.5, 0.25, 0.25], atol=0.05)


def test_true_pairs_are_the_same_crop(pairs):
    assert all(heard == seen for heard, seen, kind in pairs if kind == 0)


def test_shifted_pairs_are_audibly_apart_in_the_same_scene(pairs, tiny):
    assert least_shift(tiny) == 2  # pictures: 0.128 s
    for heard, seen, kind in pairs:
        if kind == 1:
            assert heard.scene == seen.scene
            assert abs(heard.first - seen.first) >= least_shift(tiny)


def test_wrong_pairs_are_drawn_apart(pairs):
    wrong = [(heard, seen) for heard, seen, kind in pairs if kind == 2]
    elsewhere = np.mean([heard.scene != seen.scene for heard, seen in wrong])
    assert elsewhere > 0.75  # of 8 scenes
