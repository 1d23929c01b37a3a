import numpy as np
import pytest

from foleyline_training.stages.classifier import ClassifierStage
from foleyline_training.stages.pairs import draw_pairs


@pytest.fixture
def stage(data):
    return ClassifierStage(data)


def test_loss_moves_all_weights(stage, busy, unmoved):
    busy(stage.network)
    loss, figures = stage.loss(np.random.default_rng(0))
    assert unmoved(stage.network, loss) == []
    assert 0 <= figures["accuracy"] <= 1


def test_labels_are_the_true_pairs(stage):
    """A network that calls everything aligned is right about the true pairs only."""
    stage.network.forward = lambda latent, timestep, features: latent.mean((1, 2)) * 0 + 9.0
    rng = np.random.default_rng(4)
    _, figures = stage.loss(rng)
    _, _, kinds = draw_pairs(np.random.default_rng(4), stage.config, stage.data.corpus, 4)
    assert figures["accuracy"] == pytest.approx((kinds == 0).mean())
