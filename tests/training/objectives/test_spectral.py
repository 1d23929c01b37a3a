import numpy as np
import pytest
import torch

from foleyline_training.data.mel import LogMel
from foleyline_training.models.vocoder import magnitude_of
from foleyline_training.objectives.spectral import MelRounds, SpectralDistance


@pytest.fixture
def sound(tiny):
    fading = torch.exp(-(torch.arange(60 * tiny.mel.hop) % 1500) / 300)
    return (0.3 * fading * torch.randn(2, 60 * tiny.mel.hop)).float()


@pytest.fixture
def levels(tiny, sound):
    return magnitude_of(LogMel(tiny.mel)(sound), tiny.mel).transpose(1, 2)


def spectrum_of(sound, spec):
    window = torch.hann_window(spec.n_fft)
    options = {"window": window, "pad_mode": "constant", "return_complex": True}
    return torch.stft(sound, spec.n_fft, spec.hop, **options)[..., : sound.shape[-1] // spec.hop]


def noise_like(spectrum):
    return torch.randn_like(spectrum.real).to(torch.complex64)


def test_the_true_spectrum_stays_what_it_is(tiny, sound, levels):
    """But for its first and last bin, which lie outside all bands."""
    rounds, true = MelRounds(tiny.mel), spectrum_of(sound, tiny.mel)
    inside = slice(0, -tiny.mel.n_fft)

    def difference(start):
        made = rounds(start, levels, 3)
        return ((made - sound)[:, inside].norm() / sound[:, inside].norm()).item()

    assert difference(true) < 0.2 < 1 < difference(noise_like(true))


def test_rounds_bring_the_mel_nearer(tiny, sound, levels):
    log_mel, rounds = LogMel(tiny.mel), MelRounds(tiny.mel)
    start = noise_like(spectrum_of(sound, tiny.mel))
    errors = [
        (log_mel(rounds(start, levels, count)) - log_mel(sound)).abs().mean().item()
        for count in (0, 4, 12)
    ]
    assert errors[0] > 1.2 * errors[1] > 1.2 * errors[2]


def test_gradients_pass_through_the_rounds_and_stay_finite(tiny, sound, levels):
    start = noise_like(spectrum_of(sound, tiny.mel))
    start[:, :, :9] = 0  # silence at first, where magnitudes have no slope
    levels[:, :9] = 0
    start.requires_grad_(True)
    made = MelRounds(tiny.mel)(start, levels, 2)
    sum(SpectralDistance()(made, sound)).backward()
    assert torch.isfinite(start.grad).all() and start.grad.abs().sum() > 0


def test_a_sound_is_no_distance_from_itself_and_half_of_it_is_half_away(sound):
    distance = SpectralDistance()
    assert [part.item() for part in distance(sound, sound)] == [0, 0]
    convergence, log_distance = distance(sound / 2, sound)
    assert convergence.item() == pytest.approx(0.5, abs=1e-3)
    assert 0.5 * np.log(2) < log_distance.item() <= np.log(2)


def test_silence_is_compared_without_dividing_by_nothing(sound):
    silence = torch.zeros_like(sound)
    assert torch.isfinite(torch.stack(SpectralDistance()(sound, silence))).all()
