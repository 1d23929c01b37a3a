import pytest
import torch

from foleyline_training.models.autoencoder import Autoencoder, Encoder

DECODER_MARGIN = 8
"""Columns: 1 of the first layer, 2 of each block, 1 of the last layers."""


@pytest.fixture(scope="module")
def coder(busy):
    return busy(Autoencoder(bands=16, width=8, latent_channels=4, per_column=8))


def test_eight_frames_a_column(coder):
    mean, log_variance = coder.encoder(torch.rand(2, 16, 40))
    assert mean.shape == log_variance.shape == (2, 4, 5)
    assert coder.decoder(mean).shape == (2, 16, 40)


def test_a_latent_decodes_the_same_in_any_window(coder):
    latent = torch.randn(1, 4, 40)
    whole = coder.decoder(latent)[..., 8 * (6 + DECODER_MARGIN) : 8 * (34 - DECODER_MARGIN)]
    part = coder.decoder(latent[..., 6:34])[..., 8 * DECODER_MARGIN : -8 * DECODER_MARGIN]
    torch.testing.assert_close(part, whole, atol=1e-5, rtol=0)


def test_decoder_sees_no_further_than_its_margin(coder):
    decoder, latent = coder.decoder.double(), torch.randn(1, 4, 40, dtype=torch.float64)
    latent.requires_grad_(True)
    decoder(latent)[..., 8 * 20 : 8 * 21].square().sum().backward()
    seen = latent.grad.abs().sum((0, 1)).nonzero().flatten()
    coder.float()
    assert seen.min() >= 20 - DECODER_MARGIN
    assert seen.max() <= 20 + DECODER_MARGIN
    assert seen.max() - seen.min() > DECODER_MARGIN  # it does look around


def test_divergence_is_that_of_a_normal_distribution(coder):
    mel = torch.rand(2, 16, 40)
    mean, log_variance = coder.encoder(mel)
    drawn = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    wanted = torch.distributions.kl_divergence(drawn, torch.distributions.Normal(0, 1)).mean()
    rebuilt, divergence = coder(mel, torch.randn(2, 4, 5))
    torch.testing.assert_close(divergence, wanted)
    assert rebuilt.shape == mel.shape


def test_training_draws_latents(coder):
    mel = torch.rand(1, 16, 40)
    one, other, again = (coder(mel, sign * torch.ones(1, 4, 5))[0] for sign in (1, -1, 1))
    assert not torch.allclose(one, other)
    assert torch.equal(one, again)


@pytest.mark.parametrize(("bias", "bound"), [(-1e6, -20), (1e6, 10)])
def test_log_variance_is_bounded(bias, bound):
    encoder = Encoder(bands=16, width=8, latent_channels=4, per_column=8)
    torch.nn.init.constant_(encoder.body[-1].bias, bias)
    mean, log_variance = encoder(torch.rand(1, 16, 8))
    assert (log_variance == bound).all()
    assert mean.abs().min() > 1e5  # only the variance is
