import numpy as np
import pytest
import torch

from foleyline_training.data.light import Light, draw_light
from foleyline_training.models.cavp import Heard
from foleyline_training.stages.cavp import (
    KIND_SHARE,
    LOG_SCALE_MAX,
    PLACE_SHARE,
    CavpStage,
    Truth,
    contact_losses,
)


@pytest.fixture
def stage(tiny, corpus):
    return CavpStage(tiny, corpus)


def test_loss_is_the_sum_of_its_figures_and_moves_all_weights(stage, busy, unmoved):
    busy(stage.network)
    loss, figures = stage.loss(np.random.default_rng(0))
    assert loss.item() == pytest.approx(sum(figures.values()), rel=1e-5)
    assert unmoved(stage.network, loss) == []


def test_batch_has_its_shapes_and_ranges(stage):
    pictures, mel, truth = stage._batch(np.random.default_rng(0))
    assert pictures.shape == (4, 16, 3, 16, 16)
    assert mel.shape == (4, 16, 128)
    assert truth.kind.shape == truth.lasting.shape == (4, 16, 3)
    assert truth.place.shape == (4, 16)
    assert 0 <= pictures.min() < pictures.max() <= 1


def test_pictures_mel_and_contacts_are_of_the_same_moment(stage, corpus, monkeypatch):
    """Every array tells scene and picture in its values; a batch has to agree on them."""
    scenes, duration = corpus.scenes, corpus.duration
    number = np.arange(scenes)[:, None] * duration + np.arange(duration)  # below 384
    corpus.contacts_seen = np.broadcast_to(number[..., None], (scenes, duration, 3))
    stage.mels = np.broadcast_to(number.repeat(8, 1)[..., None], (scenes, duration * 8, 16))
    colour = np.minimum(number, 100)  # dark enough not to be clipped
    corpus.pictures = np.broadcast_to(
        colour[..., None, None, None].astype(np.uint8), (scenes, duration, 16, 16, 3)
    )
    monkeypatch.setattr("foleyline_training.stages.cavp.draw_light", unchanging_light)
    pictures, mel, truth = stage._batch(np.random.default_rng(1))
    seen = truth.kind
    assert torch.equal(mel[:, 0].reshape(4, 16, 8)[..., 5], seen[..., 0])
    shown, wanted = pictures[:, :, 0, 0, 0] * 255, seen[..., 0].clamp_max(100)
    torch.testing.assert_close(shown, wanted, atol=0.03, rtol=0)  # nothing is blacker than that


def test_pictures_are_mirrored_left_to_right_only(stage, corpus, monkeypatch):
    monkeypatch.setattr("foleyline_training.stages.cavp.draw_light", unchanging_light)
    ramp = np.arange(16, dtype=np.uint8)
    corpus.pictures = np.broadcast_to(ramp[:, None, None], (8, 48, 16, 16, 3)) * np.uint8(1)
    corpus.pictures = corpus.pictures + 6 * ramp[None, None, None, :, None]  # 1 down, 6 across
    mirrored = set()
    for seed in range(10):
        pictures, _, _ = stage._batch(np.random.default_rng(seed))
        down, across = (
            (pictures[..., -1, 8] > pictures[..., 0, 8]).all(),
            (pictures[..., 8, -1] > pictures[..., 8, 0]).all(),
        )
        assert down
        mirrored.add(bool(across))
    assert mirrored == {True, False}


def test_temperature_is_bounded(stage):
    with torch.no_grad():
        stage.network.log_scale.fill_(20.0)
    stage.loss(np.random.default_rng(0))
    assert stage.network.log_scale.item() == pytest.approx(LOG_SCALE_MAX)


def test_same_generator_same_loss(stage):
    one, two = (stage.loss(np.random.default_rng(3))[0].item() for _ in range(2))
    assert one == two


def test_materials_are_kept(stage):
    assert stage.extra_state() == {"materials": ["wood", "glass", "water"]}


@pytest.fixture
def truth():
    """Two windows of 3 pictures: a glass contact in the second picture of the first."""
    kind = torch.zeros(2, 3, 2)
    kind[0, 1, 1] = 1
    place, lasting = torch.full((2, 3), 0.9), torch.zeros(2, 3, 2)
    place[0, 1] = 0.25
    return Truth(kind, place, lasting)


def sure(truth, place=0.25):
    """What a head says that knows everything."""
    return Heard(
        40 * (truth.kind.amax(-1) - 0.5),
        torch.full((2, 3), place).logit(),
        40 * truth.kind,
        torch.full((2, 3, 2), -40.0),
    )


def test_who_knows_all_has_no_loss(truth):
    losses = contact_losses(sure(truth), truth)
    assert [value.item() for value in losses.values()] == pytest.approx([0] * 4, abs=1e-6)


def test_place_and_kind_count_at_contacts_only(truth):
    losses = contact_losses(sure(truth, place=0.5), truth)
    assert losses["place"].item() == pytest.approx(PLACE_SHARE * 0.25 / 6)
    losses = contact_losses(sure(truth)._replace(kind=torch.zeros(2, 3, 2)), truth)
    assert losses["kind"].item() == pytest.approx(KIND_SHARE * np.log(2) / 6)


def test_silence_has_no_place_and_no_kind(truth):
    silent = truth._replace(kind=torch.zeros(2, 3, 2))
    losses = contact_losses(sure(truth), silent)
    assert losses["place"].item() == losses["kind"].item() == 0
    assert losses["contact"].item() > 1


def unchanging_light(rng, batch):
    """As `draw_light`, with the same random numbers drawn."""
    draw_light(rng, batch)
    return Light(np.tile(np.eye(3), (batch, 1, 1)), np.zeros((batch, 3)), np.ones(batch))
