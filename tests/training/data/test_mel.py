from dataclasses import replace

import numpy as np
import pytest
import torch

from foleyline_contract.specs import MelSpec
from foleyline_training.config import load_config
from foleyline_training.data.mel import LogMel, mel_filters

OFFICIAL = MelSpec(
    rate_hz=16000,
    n_fft=1024,
    hop=256,
    bands=128,
    fmin_hz=125.0,
    fmax_hz=7600.0,
    floor=1e-5,
    db_per_decade=20.0,
    db_shift=-80.0,
    db_range=100.0,
)


@pytest.fixture(scope="module")
def mini():
    return load_config("mini").mel


def test_official_filter_bank(golden):
    np.testing.assert_allclose(mel_filters(OFFICIAL), golden("mel_filters")["filters"], atol=1e-6)


def test_official_log_mel(golden):
    wanted = golden("log_mel")
    frames = wanted["padded_with_zeros"].shape[1]
    mel = LogMel(OFFICIAL)(torch.from_numpy(wanted["signal"])[None])[0, :, :frames].numpy()
    np.testing.assert_allclose(mel, wanted["padded_with_zeros"], atol=2e-6)
    # The librosa of 2022 reflected the signal at its ends; only frames that touch them differ.
    np.testing.assert_allclose(mel[:, 2:], wanted["padded_by_reflection"][:, 2:], atol=2e-6)
    assert np.abs(mel[:, :2] - wanted["padded_by_reflection"][:, :2]).max() > 0.01


def test_no_band_of_mini_is_empty(mini):
    filters = mel_filters(mini)
    assert filters.shape == (mini.bands, mini.n_fft // 2 + 1)
    assert filters.max(axis=1).min() > 0


def test_a_tone_is_loudest_in_the_band_around_it(mini):
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(32000) / 32000)
    band = LogMel(mini)(tone[None])[0].mean(-1).argmax().item()
    bins_hz = np.linspace(0, 16000, mini.n_fft // 2 + 1)
    weights = mel_filters(mini)[band]
    assert abs((weights * bins_hz).sum() / weights.sum() - 1000) < 50


def test_frame_k_is_centred_on_sample_k_hop(mini):
    mel = LogMel(mini)
    for k in (7, 20):
        click = torch.zeros(1, 40 * mini.hop)
        click[0, k * mini.hop] = 1
        energy = mel(click)[0].mean(0)
        assert energy.argmax() == k
        torch.testing.assert_close(energy[k - 1], energy[k + 1])


def test_a_click_is_nowhere_before_its_window(mini):
    click = torch.zeros(1, 40 * mini.hop)
    click[0, 20 * mini.hop] = 1
    silent = LogMel(mini)(click)[0, :, : 20 - mini.n_fft // 2 // mini.hop]
    assert not silent.any()


@pytest.mark.parametrize("samples", [32000, 32255, 32256])
def test_length_is_whole_hops(mini, samples):
    assert LogMel(mini)(torch.zeros(2, samples)).shape == (2, mini.bands, samples // mini.hop)


def test_silence_is_zero_and_noise_stays_within_one(mini):
    assert not LogMel(mini)(torch.zeros(1, 8192)).any()
    loud = LogMel(mini)(torch.rand(1, 8192).round() * 2 - 1)
    assert 0.5 < loud.max() <= 1


def test_a_decade_is_twenty_decibels(mini):
    quiet = 1e-2 * torch.randn(1, 8192)
    step = LogMel(mini)(10 * quiet) - LogMel(mini)(quiet)
    torch.testing.assert_close(step, torch.full_like(step, 20 / mini.db_range), atol=1e-5, rtol=0)


def test_spec_decides_the_scale(mini):
    sound = 0.01 * torch.randn(1, 8192)
    wide = LogMel(replace(mini, db_range=200.0))(sound)
    torch.testing.assert_close(wide, LogMel(mini)(sound) / 2)
