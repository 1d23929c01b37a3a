import pytest
import torch

from foleyline_training.checkpoints import save_checkpoint
from foleyline_training.config import load_config
from foleyline_training.stages.networks import (
    make_aligner,
    make_autoencoder,
    make_cavp,
    make_denoiser,
    trained,
)

BUNDLE_MAX_BYTES = 60_000_000


def test_mini_bundle_stays_small_in_half_precision():
    config = load_config("mini")
    with torch.device("meta"):
        denoiser = make_denoiser(config)
        exported = (
            make_cavp(config, 9).video,
            denoiser.unet,
            denoiser.condition_encoder,
            make_aligner(config),
            make_autoencoder(config).decoder,
        )
    count = sum(weight.numel() for network in exported for weight in network.parameters())
    assert 1_000_000 < 2 * count < BUNDLE_MAX_BYTES


def test_networks_of_a_configuration_fit_together(tiny):
    window = tiny.features.per_window
    pictures, mel = torch.rand(1, window, 3, 16, 16), torch.rand(1, 16, window * 8)
    features, heard = make_cavp(tiny, 3)(pictures, mel)
    assert features.shape == heard.shape == (1, window, tiny.features.dim)
    coder, denoiser = make_autoencoder(tiny), make_denoiser(tiny)
    latent, time = coder.encoder(mel)[0], torch.zeros(1)
    spec = tiny.model_spec(scale_factor=1.0, margin=0)
    assert latent.shape[1:] == spec.latent.shape
    condition = denoiser.condition_encoder(features)
    assert denoiser.unet(latent, time, condition).shape == latent.shape
    assert make_aligner(tiny)(latent, time, features).shape == (1,)
    assert coder.decoder(latent).shape == mel.shape


def test_trained_is_frozen_and_has_the_weights(tiny, tmp_path, busy):
    network = busy(make_autoencoder(tiny))
    save_checkpoint(tmp_path / "a.pt", {"weights": network.state_dict()})
    loaded = trained(make_autoencoder(tiny), tmp_path / "a.pt")
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())
    for one, two in zip(network.parameters(), loaded.parameters(), strict=True):
        assert torch.equal(one, two)


def test_weights_of_another_size_are_refused(tiny, tmp_path):
    save_checkpoint(tmp_path / "a.pt", {"weights": make_aligner(tiny).state_dict()})
    with pytest.raises(RuntimeError, match="Missing key"):
        trained(make_autoencoder(tiny), tmp_path / "a.pt")
