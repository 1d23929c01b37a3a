import pytest
import torch

from foleyline_training.models.diff_foley.unet import Unet


@pytest.fixture(scope="module")
def unet(busy, sizes):
    return busy(Unet(sizes)).requires_grad_(False)


def inputs(batch):
    return torch.randn(batch, 4, 8, 8), torch.linspace(3.7, 999, batch), torch.randn(batch, 5, 768)


def test_rows_do_not_see_each_other(unet):
    latent, timestep, condition = inputs(3)
    together = unet(latent, timestep, condition)
    assert together.shape == latent.shape
    alone = unet(latent[1:2], timestep[1:2], condition[1:2])
    torch.testing.assert_close(together[1:2], alone)


def test_time_is_a_number_not_an_index(unet):
    latent, _, condition = inputs(1)
    at = [unet(latent, torch.tensor([t]), condition) for t in (958.0, 958.5, 959.0)]
    assert (at[0] - at[1]).abs().max() > 1e-5
    assert (at[1] - at[2]).abs().max() > 1e-5


def test_the_condition_is_read(unet):
    latent, timestep, condition = inputs(1)
    other = unet(latent, timestep, torch.zeros_like(condition))
    assert (unet(latent, timestep, condition) - other).abs().max() > 1e-3
