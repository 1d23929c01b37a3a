import itertools

import numpy as np
import pytest

from foleyline_training.metrics.onset import Matches, OnsetDetector, match

RATE_HZ = 32000


def bursts(times_s, seconds: float, rate_hz: int = RATE_HZ, seed: int = 0) -> np.ndarray:
    """Decaying noise that starts at each of the times."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * rate_hz), np.float32)
    for time_s in times_s:
        start = round(time_s * rate_hz)
        tail = np.exp(-np.arange(len(sound) - start) / (0.04 * rate_hz))
        sound[start:] += (0.3 * tail * rng.standard_normal(len(tail))).astype(np.float32)
    return sound


@pytest.mark.parametrize("rate_hz", [16000, 32000, 48000])
def test_every_burst_is_found_where_it_starts(rate_hz):
    times_s = np.array([0.25, 0.71, 1.3, 1.62])
    found = OnsetDetector().detect(bursts(times_s, 2.0, rate_hz), rate_hz)
    assert len(found) == len(times_s)
    assert np.abs(found - times_s).max() < 0.01


def test_silence_and_steady_noise_hold_no_onset_after_their_start():
    assert len(OnsetDetector().detect(np.zeros(RATE_HZ, np.float32), RATE_HZ)) == 0
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE_HZ).astype(np.float32)
    assert all(OnsetDetector().detect(noise, RATE_HZ) < 0.1)


def test_loudness_does_not_matter():
    sound = bursts([0.3, 0.9], 1.5)
    loud, quiet = (OnsetDetector().detect(sound * gain, RATE_HZ) for gain in (1.0, 0.01))
    np.testing.assert_array_equal(loud, quiet)


def test_a_detection_counts_once():
    assert match(np.array([1.0]), np.array([0.98, 1.02]), 0.05) == Matches(1, 1, 2)
    assert match(np.array([0.98, 1.02]), np.array([1.0]), 0.05) == Matches(1, 2, 1)


def test_tolerance_is_the_limit():
    assert match(np.array([1.0]), np.array([1.049]), 0.05).hits == 1
    assert match(np.array([1.0]), np.array([1.051]), 0.05).hits == 0


def test_matching_finds_as_many_pairs_as_any_assignment():
    rng = np.random.default_rng(1)
    for _ in range(100):
        detected, true = (np.sort(rng.uniform(0, 0.4, rng.integers(1, 6))) for _ in range(2))
        few, many = sorted((detected, true), key=len)
        best = max(
            int((np.abs(few - np.array(chosen)) <= 0.05).sum())
            for chosen in itertools.permutations(many, len(few))
        )
        assert match(detected, true, 0.05).hits == best


def test_f1_adds_up_over_clips():
    assert (Matches(1, 2, 2) + Matches(2, 2, 3)) == Matches(3, 4, 5)
    assert (Matches(1, 2, 2) + Matches(2, 2, 3)).f1 == pytest.approx(2 * 3 / 9)
    assert Matches().f1 == 0.0
