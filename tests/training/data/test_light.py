import numpy as np
import pytest
import torch

from foleyline_training.data.light import (
    BRIGHTEST,
    FLATTEST,
    STEEPEST,
    TINT,
    Light,
    draw_light,
    moved,
)
from foleyline_training.share import Share

ROWS = 400


@pytest.fixture(scope="module")
def light():
    return draw_light(np.random.default_rng(0), ROWS)


def plain(batch, **changed):
    values = {
        "matrix": np.tile(np.eye(3), (batch, 1, 1)),
        "offset": np.zeros((batch, 3)),
        "exponent": np.ones(batch),
    }
    return Light(**{**values, **changed})


def pictures_of(colours):
    """(batch, 3) to windows of two pictures of four pixels each."""
    return torch.tensor(colours)[:, None, :, None, None].expand(-1, 2, -1, 2, 2)


def test_plain_light_changes_nothing():
    pictures = torch.rand(2, 3, 3, 4, 4).clamp(min=1e-3)
    torch.testing.assert_close(plain(2).on(pictures), pictures)


def test_a_negative_turns_white_black():
    negative = plain(1, matrix=-np.eye(3)[None], offset=np.ones((1, 3)))
    shown = negative.on(pictures_of([[1.0, 0.25, 0.0]]))
    wanted = pictures_of([[0.0, 0.75, 1.0]])
    torch.testing.assert_close(shown, wanted, atol=2e-4, rtol=0)


def test_each_window_has_a_light_of_its_own():
    dim = plain(2, matrix=np.stack([np.eye(3), np.eye(3) / 2]))
    shown = dim.on(pictures_of([[0.8, 0.8, 0.8], [0.8, 0.8, 0.8]]))
    assert shown[0].unique().tolist() == pytest.approx([0.8])
    assert shown[1].unique().tolist() == pytest.approx([0.4])


def test_pictures_stay_pictures(light):
    shown = light.on(torch.rand(ROWS, 2, 3, 4, 4))
    assert 0 <= shown.min() < shown.max() <= 1
    assert shown.isfinite().all()


def test_grey_things_stay_grey_but_for_the_tint(light):
    """Whatever it makes of colours: what is grey may only get lighter, darker or inverted."""
    grey = np.abs(light.matrix.sum(2))
    assert grey.max() <= BRIGHTEST * (1 + TINT)
    assert (grey.max(1) / grey.min(1)).max() <= (1 + TINT) / (1 - TINT)


def test_some_windows_are_negatives_and_most_are_not(light):
    negatives = light.offset[:, 0] == 1
    assert 0.06 < negatives.mean() < 0.2
    assert (light.matrix.sum((1, 2))[negatives] < 0).all()
    assert (light.matrix.sum((1, 2))[~negatives] > 0).all()


def test_brightness_keeps_within_its_exponents(light):
    assert FLATTEST <= light.exponent.min() < 1 < light.exponent.max() <= STEEPEST


def test_a_share_has_its_rows(light):
    shared = light.of(Share(rank=1, world=2))
    assert np.array_equal(shared.exponent, light.exponent[1::2])
    assert np.array_equal(shared.matrix, light.matrix[1::2])
    assert np.array_equal(shared.offset, light.offset[1::2])


def test_moved_pictures_keep_their_edges():
    pictures = torch.arange(16.0).reshape(1, 1, 1, 4, 4).expand(3, 2, 3, 4, 4)
    shown = moved(pictures, np.array([[0, 0], [1, 0], [0, -2]]))
    assert torch.equal(shown[0], pictures[0])
    assert torch.equal(shown[1][..., 1:, :], pictures[1][..., :-1, :])
    assert torch.equal(shown[1][..., 0, :], pictures[1][..., 0, :])
    assert torch.equal(shown[2][..., :2], pictures[2][..., 2:])
    assert torch.equal(shown[2][..., 3], pictures[2][..., 3])
