import numpy as np
import pytest
import torch
from torch import nn

from foleyline_training.share import WHOLE
from foleyline_training.stages.autoencoder import KL_WEIGHT, AutoencoderStage


class Offset(nn.Module):
    """An autoencoder that is wrong by 0.1 everywhere."""

    def forward(self, mel, noise):
        return mel + 0.1, torch.tensor(2.0)


@pytest.fixture
def stage(tiny, corpus):
    return AutoencoderStage(tiny, corpus)


def test_loss_moves_all_weights(stage, busy, unmoved):
    busy(stage.network)
    loss, _ = stage.loss(np.random.default_rng(0))
    assert unmoved(stage.network, loss) == []


def test_errors_in_silence_count_a_quarter(stage):
    stage.network = Offset()
    stage.mels = np.zeros_like(stage.mels)
    quiet, figures = stage.loss(np.random.default_rng(0))
    assert figures["level"] == pytest.approx(0.25 * 0.1, rel=1e-4)
    assert figures["change"] == pytest.approx(0, abs=1e-6)
    assert quiet.item() == pytest.approx(0.25 * 0.1 + 2 * KL_WEIGHT, rel=1e-4)
    stage.mels = stage.mels + np.float16(1)
    assert stage.loss(np.random.default_rng(0))[1]["level"] == pytest.approx(0.125, rel=1e-3)


def test_preview_is_the_same_of_the_same_weights(stage, tiny):
    with torch.no_grad():
        one, two = stage.preview(WHOLE), stage.preview(WHOLE)
    assert one.mels["truth"].shape == one.mels["rebuilt"].shape == (2, 16, 128)
    assert all((one.mels[name] == two.mels[name]).all() for name in one.mels)
    assert one.spec == tiny.mel
