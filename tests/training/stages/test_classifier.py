import numpy as np
import pytest

from foleyline_training.stages.classifier import ClassifierStage


@pytest.fixture
def stage(data):
    return ClassifierStage(data)


@pytest.fixture
def pairs(stage):
    heard, seen, kinds = stage._pairs(np.random.default_rng(0), 1000)
    return [(h[0], s[0], kind) for h, s, kind in zip(heard, seen, kinds, strict=True)]


def test_loss_moves_all_weights(stage, busy, unmoved):
    busy(stage.network)
    loss, figures = stage.loss(np.random.default_rng(0))
    assert unmoved(stage.network, loss) == []
    assert 0 <= figures["accuracy"] <= 1


def test_kinds_have_their_shares(pairs):
    shares = np.bincount([kind for _, _, kind in pairs]) / len(pairs)
    np.testing.assert_allclose(shares, [0.5, 0.25, 0.25], atol=0.05)


def test_true_pairs_are_the_same_crop(pairs):
    assert all(heard == seen for heard, seen, kind in pairs if kind == 0)


def test_shifted_pairs_are_audibly_apart_in_the_same_scene(pairs, stage):
    assert stage.least_shift == 2  # pictures: 0.128 s
    for heard, seen, kind in pairs:
        if kind == 1:
            assert heard.scene == seen.scene
            assert abs(heard.first - seen.first) >= stage.least_shift


def test_wrong_pairs_are_drawn_apart(pairs):
    wrong = [(heard, seen) for heard, seen, kind in pairs if kind == 2]
    elsewhere = np.mean([heard.scene != seen.scene for heard, seen in wrong])
    assert elsewhere > 0.75  # of 8 scenes


def test_labels_are_the_true_pairs(stage):
    """A network that calls everything aligned is right about the true pairs only."""
    stage.network.forward = lambda latent, timestep, features: latent.mean((1, 2)) * 0 + 9.0
    rng = np.random.default_rng(4)
    _, figures = stage.loss(rng)
    _, _, kinds = stage._pairs(np.random.default_rng(4), 4)
    assert figures["accuracy"] == pytest.approx((kinds == 0).mean())
