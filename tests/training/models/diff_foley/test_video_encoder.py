import pytest
import torch

from foleyline_training.models.diff_foley.spec import MODEL
from foleyline_training.models.diff_foley.video_encoder import VideoEncoder

FRAMES = 12


@pytest.fixture(scope="module")
def encoder(busy, sizes):
    return busy(VideoEncoder(sizes)).requires_grad_(False)


def test_a_unit_vector_a_picture(encoder):
    features = encoder(torch.rand(2, FRAMES, 3, 40, 40))
    assert features.shape == (2, FRAMES, MODEL.features.dim)
    torch.testing.assert_close(features.norm(dim=-1), torch.ones(2, FRAMES))


def test_features_see_exactly_the_margin(sizes):
    """What the bundle says of it is what the server encodes around a window."""
    encoder = VideoEncoder(sizes).double().eval().requires_grad_(False)
    assert sizes.video_margin == 3
    pictures = torch.rand(1, FRAMES, 3, 40, 40).double()
    other = pictures.clone()
    other[:, 5] = 1 - other[:, 5]
    moved = (encoder(pictures) - encoder(other)).abs().amax(-1)[0] > 1e-12
    assert moved.nonzero().flatten().tolist() == [2, 3, 4, 5, 6, 7, 8]
