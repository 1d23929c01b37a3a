import pytest
import torch
from diffusers import AutoencoderKL

from foleyline_training.models.diff_foley.autoencoder import LatentDecoder, LatentEncoder


@pytest.fixture(scope="module")
def whole(busy, sizes):
    """diffusers' autoencoder in one piece."""
    levels = len(sizes.autoencoder_multipliers)
    return busy(
        AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(32 * m for m in sizes.autoencoder_multipliers),
            layers_per_block=sizes.autoencoder_blocks,
        )
    ).requires_grad_(False)


def part(network, whole):
    """``network`` with its share of the whole's weights."""
    state = {name: whole.state_dict()[name] for name in network.state_dict()}
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def test_encoder_gives_the_posterior(whole, sizes):
    mel = torch.rand(2, 16, 24)
    mean, log_variance = part(LatentEncoder(sizes), whole)(mel)
    posterior = whole.encode(mel[:, None].repeat(1, 3, 1, 1)).latent_dist
    assert mean.shape == (2, 4, 8, 12)
    torch.testing.assert_close(mean, posterior.mean)
    torch.testing.assert_close(log_variance, posterior.logvar)


def test_decoder_gives_the_first_colour_unclamped(whole, sizes):
    latent = 3 * torch.randn(2, 4, 8, 12)
    mel = part(LatentDecoder(sizes), whole)(latent)
    picture = whole.decode(latent).sample
    torch.testing.assert_close(mel, picture[:, 0])
    assert not torch.allclose(picture[:, 0], picture[:, 1], atol=1e-2)
    assert mel.min() < 0
