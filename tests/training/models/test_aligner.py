import pytest
import torch

from foleyline_training.models.aligner import Aligner


@pytest.fixture(scope="module")
def aligner(busy):
    return busy(Aligner(latent_channels=4, feature_dim=6, width=16))


@pytest.mark.parametrize("batch", [1, 5])
def test_one_logit_a_row(aligner, batch):
    logits = aligner(torch.randn(batch, 4, 16), torch.rand(batch) * 999, torch.randn(batch, 16, 6))
    assert logits.shape == (batch,)


def test_rows_do_not_see_each_other(aligner):
    """The exported gradient of the rows' sum relies on this."""
    latent = torch.randn(3, 4, 16, requires_grad=True)
    logits = aligner(latent, torch.tensor([0.0, 3.7, 999.0]), torch.randn(3, 16, 6))
    (gradient,) = torch.autograd.grad(logits[1], latent)
    assert gradient[1].any()
    assert not gradient[[0, 2]].any()


def test_a_shift_in_time_is_heard(aligner):
    latent, time, features = torch.randn(1, 4, 16), torch.tensor([3.7]), torch.randn(1, 16, 6)
    shifted = aligner(latent, time, features.roll(3, dims=1))
    assert abs(shifted - aligner(latent, time, features)).item() > 1e-3
