import numpy as np
import pytest

from foleyline_server.pipeline.stft import ConsistentSpectrum, Stft

SIZES = [(1024, 256), (1024, 250), (512, 125), (64, 64)]


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(samples).astype(np.float32)


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_forward_is_the_plain_sum(n_fft: int, hop: int) -> None:
    stft, sound = Stft(n_fft, hop), noise(20 * hop)
    found = stft.forward(sound, 20)
    assert found.dtype == np.complex64
    padded = np.pad(sound.astype(np.float64), (n_fft // 2, n_fft))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    wanted = [np.fft.rfft(window * padded[k * hop : k * hop + n_fft]) for k in range(20)]
    assert np.allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize(("n_fft", "hop"), SIZES[:3])
def test_inverse_undoes_forward(n_fft: int, hop: int) -> None:
    stft, sound = Stft(n_fft, hop), noise(20 * hop)
    back = stft.inverse(stft.forward(sound, 21))
    assert back.dtype == np.float32 and len(back) == 21 * hop
    assert np.allclose(back[: len(sound)], sound, atol=1e-5)


@pytest.mark.parametrize(("n_fft", "hop"), SIZES[:3])
def test_a_consistent_spectrum_is_forward_after_inverse_every_time(n_fft: int, hop: int) -> None:
    stft = Stft(n_fft, hop)
    consistent = ConsistentSpectrum(stft, 30)
    out = np.empty((30, n_fft // 2 + 1), np.complex64)
    for seed in (1, 2):
        chance = np.random.default_rng(seed)
        values = chance.standard_normal((*out.shape, 2), np.float32).view(np.complex64)[..., 0]
        consistent(values, out)
        assert np.allclose(out, stft.forward(stft.inverse(values), 30), atol=1e-4)
        assert not np.allclose(out, values, atol=0.1)
