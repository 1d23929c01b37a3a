import pytest
import torch

from foleyline_training.models.cavp import (
    VIDEO_MARGIN,
    Cavp,
    SpectrogramEncoder,
    VideoEncoder,
    pooled,
)


@pytest.fixture(scope="module")
def video(busy):
    return busy(VideoEncoder(size_px=16, width=8, feature_dim=6))


@pytest.mark.parametrize("frames", [1, 2, 25])
def test_a_feature_a_picture(video, frames):
    assert video(torch.rand(2, frames, 3, 16, 16)).shape == (2, frames, 6)


def test_features_depend_on_pictures_just_as_far_as_the_margin_says(video):
    encoder, middle = video.double(), VIDEO_MARGIN + 3
    pictures = torch.rand(1, 2 * middle + 1, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    encoder(pictures)[0, middle].pow(3).sum().backward()
    seen = pictures.grad.abs().sum((0, 2, 3, 4)).nonzero().flatten()
    video.float()
    assert (seen.min(), seen.max()) == (middle - VIDEO_MARGIN, middle + VIDEO_MARGIN)


def test_a_stretch_with_its_margin_has_the_features_of_the_whole(video):
    pictures = torch.rand(1, 60, 3, 16, 16)
    part = video(pictures[:, 5 : 15 + 2 * VIDEO_MARGIN])[:, VIDEO_MARGIN:-VIDEO_MARGIN]
    whole = video(pictures)[:, 5 + VIDEO_MARGIN : 15 + VIDEO_MARGIN]
    torch.testing.assert_close(part, whole, atol=1e-5, rtol=0)


def test_spectrogram_features_lie_on_the_picture_grid(busy):
    encoder = busy(SpectrogramEncoder(bands=16, width=8, feature_dim=6, per_feature=8))
    assert encoder(torch.rand(2, 16, 5 * 8)).shape == (2, 5, 6)


def test_cavp_gives_both(busy):
    cavp = Cavp(VideoEncoder(16, 8, 6), SpectrogramEncoder(16, 8, 6, 8), 6, materials=4)
    video, audio = cavp(torch.rand(2, 5, 3, 16, 16), torch.rand(2, 16, 40))
    assert video.shape == audio.shape == (2, 5, 6)
    heard = cavp.contact_head(video)
    assert heard.contact.shape == heard.place.shape == (2, 5)
    assert heard.kind.shape == heard.lasting.shape == (2, 5, 4)
    assert cavp.log_scale.exp().item() == pytest.approx(1 / 0.07)


def test_pooled_is_the_unit_mean_of_each_segment():
    features = torch.randn(2, 12, 5)
    clips = pooled(features, 3)
    mean = features[1, 4:8].mean(0)
    torch.testing.assert_close(clips[1, 1], mean / mean.norm())
    assert clips.shape == (2, 3, 5)
