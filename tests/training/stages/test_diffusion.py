import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from foleyline_training.data.crops import draw_crop
from foleyline_training.share import WHOLE
from foleyline_training.stages.conditioned import CONDITION_DROP_RATE
from foleyline_training.stages.diffusion import PREVIEW_SEED, DiffusionStage
from foleyline_training.stages.networks import make_autoencoder, trained


class Watched(DiffusionStage):
    """Notes what the UNet is given."""

    def __init__(self, data) -> None:
        super().__init__(data)
        self.given = []
        self.network.unet.register_forward_pre_hook(lambda _, inputs: self.given.append(inputs))


@pytest.fixture
def stage(data, busy):
    stage = Watched(data)
    busy(stage.network)
    return stage


def with_batch(stage, batch):
    stages = {
        **stage.config.stages,
        "diffusion": replace(stage.config.stages["diffusion"], batch=batch),
    }
    stage.config = replace(stage.config, stages=stages)
    return stage


def test_loss_moves_all_weights(stage, unmoved):
    loss, _ = with_batch(stage, 16).loss(np.random.default_rng(0))
    assert unmoved(stage.network, loss) == []


def test_dropped_condition_is_all_zeros_one_time_in_five(stage):
    with_batch(stage, 400).loss(np.random.default_rng(0))
    _, timestep, condition = stage.given[0]
    dropped = (condition == 0).all(dim=(1, 2))
    assert (condition[~dropped] != 0).any(dim=2).all()
    assert dropped.float().mean().item() == pytest.approx(CONDITION_DROP_RATE, abs=0.06)
    assert timestep.dtype == torch.float32


def test_network_that_knows_the_answer_has_no_loss(stage):
    """The x0 target is the clean latent itself: at step 0 the noisy one is nearly that."""
    stage.schedule.alphas_cumprod = torch.ones(1000)
    stage.network.unet.forward = lambda latent, timestep, condition: latent
    loss, _ = stage.loss(np.random.default_rng(0))
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_figures_are_numbers_even_without_a_dropped_row(stage):
    stage = with_batch(stage, 1)
    for seed in range(8):
        _, figures = stage.loss(np.random.default_rng(seed))
        json.dumps(figures, allow_nan=False)
        assert len(figures) == 1  # of one row, only one kind is known


def test_the_palette_reaches_the_condition(stage):
    """What is drawn for a window is what its row is encoded with; dropped rows have none of it."""
    encoded = []
    stage.network.condition_encoder.register_forward_hook(
        lambda _, inputs, output: encoded.append((*inputs, output))
    )
    with_batch(stage, 64).loss(np.random.default_rng(0))
    features, palette, condition = encoded[0]
    assert palette.shape == (64, 3)
    assert 0 < palette.any(dim=1).sum() < 64
    torch.testing.assert_close(condition, stage.network.condition_encoder(features, palette))


def test_what_export_needs_is_kept(stage, data):
    assert stage.extra_state() == {
        "scale_factor": data.scale_factor,
        "palette": ["wood", "glass", "water"],
    }


def test_a_corpus_without_materials_trains_without_a_palette(data, unmoved, busy):
    data.corpus.materials = []
    stage = DiffusionStage(data)
    busy(stage.network)
    loss, _ = with_batch(stage, 16).loss(np.random.default_rng(0))
    assert unmoved(stage.network, loss) == []
    assert stage.extra_state()["palette"] == []


def test_preview_shows_takes_beside_the_truth(stage, tiny):
    with torch.no_grad():
        one, two = stage.preview(WHOLE), stage.preview(WHOLE)
    assert one.mels["truth"].shape == one.mels["take"].shape == (2, 16, 128)
    assert np.array_equal(one.mels["take"], two.mels["take"])
    assert np.isfinite(one.mels["take"]).all()


def test_preview_of_a_network_that_knows_the_answer_is_the_truth(stage, data):
    """Latents of the preview's windows come back through the autoencoder that made them."""
    rng = np.random.default_rng(PREVIEW_SEED)
    windows = [(draw_crop(rng, 8, 48, 16),) for _ in range(2)]
    clean = data.latents(windows, torch.zeros(2, 4, 16))
    stage.network.unet.forward = lambda latent, timestep, condition: clean
    with torch.no_grad():
        take = stage.preview(WHOLE).mels["take"]
        decoder = trained(make_autoencoder(stage.config), data.run / "autoencoder.pt").decoder
        wanted = decoder(clean / data.scale_factor).numpy()
    np.testing.assert_allclose(take, wanted, atol=1e-4)
