import numpy as np
import pytest

from foleyline_contract.messages import SEED_MAX
from foleyline_server.pipeline.noise import family_noise, latent_noise, random_phases


def test_noise_is_standard_normal() -> None:
    noise = latent_noise(7, (64, 64 * 40), 64).astype(np.float64)
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert (noise**4).mean() == pytest.approx(3, abs=0.1)


def test_a_longer_clip_begins_the_same() -> None:
    short, long = latent_noise(7, (2, 64), 64), latent_noise(7, (2, 150), 64)
    assert (long[:, :64] == short).all()


def test_seeds_and_stretches_differ() -> None:
    noise = latent_noise(7, (2, 128), 64)
    assert not np.allclose(noise[:, :64], noise[:, 64:])
    assert not np.allclose(noise, latent_noise(8, (2, 128), 64))
    assert np.isfinite(latent_noise(SEED_MAX, (2, 8), 8)).all()


@pytest.mark.parametrize("variation", [0.1, 0.5, 0.9])
def test_a_family_shares_noise_and_stays_standard_normal(variation: float) -> None:
    shape = (64, 64 * 40)
    varied = family_noise(8, 7, variation, shape, 64)
    assert varied.dtype == np.float32
    assert varied.std() == pytest.approx(1, abs=0.01)
    shared, own = latent_noise(7, shape, 64), latent_noise(8, shape, 64)
    assert np.mean(varied * shared) == pytest.approx(np.sqrt(1 - variation**2), abs=0.01)
    assert np.mean(varied * own) == pytest.approx(variation, abs=0.01)


def test_a_family_reaches_from_its_own_take_to_any_other() -> None:
    shape = (4, 100)
    assert (family_noise(7, 7, 0.5, shape, 64) == latent_noise(7, shape, 64)).all()
    assert (family_noise(8, 7, 1.0, shape, 64) == latent_noise(8, shape, 64)).all()
    assert (
        family_noise(8, 7, 0.5, shape, 64)[:, :64] == family_noise(8, 7, 0.5, (4, 64), 64)
    ).all()


def test_known_numbers() -> None:
    """They must never change: a seed is a promise."""
    assert latent_noise(1, (4,), 4).tolist() == pytest.approx(KNOWN_NOISE, abs=1e-6)
    assert random_phases(1, 0, (1, 2))[0].tolist() == pytest.approx(KNOWN_PHASES, abs=1e-6)


KNOWN_NOISE = [0.689016, 1.8404009, -0.0179814, 0.0058975]
KNOWN_PHASES = [1.2381635, 3.0665302]
