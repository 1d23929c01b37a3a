import numpy as np
import pytest
import torch

from foleyline_training.metrics.alignment import (
    EvaluationStage,
    accuracy_on_real,
    make_evaluation_classifier,
    p_aligned,
)


@pytest.fixture
def stage(tiny, corpus):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((corpus.scenes, corpus.duration, tiny.features.dim))
    return EvaluationStage(tiny, corpus, features.astype(np.float16))


def test_loss_moves_all_weights(stage, busy, unmoved):
    loss, figures = stage.loss(np.random.default_rng(0))
    busy(stage.network)
    loss, figures = stage.loss(np.random.default_rng(0))
    assert unmoved(stage.network, loss) == []
    assert 0 <= figures["accuracy"] <= 1


def test_weights_follow_from_the_configuration_alone(tiny):
    torch.manual_seed(1)
    one = make_evaluation_classifier(tiny).state_dict()
    torch.manual_seed(2)
    after = torch.rand(1)
    other = make_evaluation_classifier(tiny).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    torch.manual_seed(2)
    assert torch.equal(torch.rand(1), after)


def test_sound_is_judged_by_the_moment(stage, tiny, busy):
    """The same sound a picture later is another sound to it."""
    network = busy(stage.network)
    mel = torch.rand(1, tiny.mel.bands, 16 * tiny.mel_per_picture)
    features = torch.randn(1, 16, tiny.features.dim)
    later = mel.roll(tiny.mel_per_picture, -1)
    assert p_aligned(network, mel, features) != p_aligned(network, later, features)
    both = p_aligned(network, torch.cat([mel, later]), features.repeat(2, 1, 1))
    np.testing.assert_allclose(both[0], p_aligned(network, mel, features)[0], rtol=1e-5)


def test_accuracy_of_one_that_calls_all_aligned(stage):
    stage.network.forward = lambda mel, features: mel.mean((1, 2)) * 0 + 5.0
    found = accuracy_on_real(stage.network, stage)
    assert (found["true"], found["shifted"], found["wrong"]) == (1.0, 0.0, 0.0)
    assert found["all"] == pytest.approx(0.5, abs=0.06)
