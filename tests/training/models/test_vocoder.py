import numpy as np
import pytest
import torch

from foleyline_training.data.mel import mel_filters
from foleyline_training.models.vocoder import Vocoder, band_shares, magnitude_of


@pytest.fixture(scope="module")
def network(tiny, busy):
    return busy(Vocoder(tiny.mel, width=16, blocks=2))


def test_a_frame_of_mel_is_a_frame_of_spectrum(network, tiny):
    assert network(torch.rand(3, 16, 21)).shape == (3, 2, tiny.mel.n_fft // 2 + 1, 21)


def test_it_sees_its_margin_and_no_further(network):
    mel = torch.rand(1, 16, 60, requires_grad=True)
    network(mel)[..., 30].square().sum().backward()
    seen = mel.grad.abs().sum((0, 1)).nonzero().flatten()
    assert (seen.min(), seen.max()) == (30 - network.margin, 30 + network.margin)


def test_the_released_size_fits_what_the_server_shows_it(tiny):
    from foleyline_server.pipeline.vocoders.neural import MARGIN_FRAMES
    from foleyline_training.config import load_config
    from foleyline_training.stages.networks import make_vocoder

    assert make_vocoder(load_config("mini")).margin <= MARGIN_FRAMES
    assert make_vocoder(tiny).margin <= MARGIN_FRAMES


def test_silent_cells_are_silent(network):
    assert not network(torch.zeros(1, 16, 9)).any()


def test_the_levels_it_starts_from_have_the_mel(network, tiny):
    """Neighbouring bands alike: then the flattest spectrum has just this mel."""
    mel = torch.linspace(0.4, 0.8, 12).expand(1, 16, 12)
    got = network.levels(mel) @ torch.from_numpy(mel_filters(tiny.mel)).T
    wanted = magnitude_of(mel, tiny.mel).transpose(1, 2)
    assert (got / wanted).log().abs().mean() < 0.15
    assert torch.allclose(got[:, -1] / got[:, 0], wanted[:, -1] / wanted[:, 0], rtol=1e-3)


def test_no_gain_is_endless(network, tiny):
    torch.nn.init.constant_(network.head.bias, 1e6)
    mel = torch.full((1, 16, 9), 0.5)
    magnitude = network(mel).square().sum(1).sqrt().transpose(1, 2)
    assert torch.isfinite(magnitude).all()
    assert (magnitude <= network.levels(mel) * np.exp(4.001) + 1e-6).all()


def test_shares_of_a_bin_are_one_or_none(tiny):
    whole = band_shares(tiny.mel).sum(axis=0)
    assert (np.isclose(whole, 1) | (whole == 0)).all() and whole.sum() > 100
