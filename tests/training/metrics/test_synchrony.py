import math

import numpy as np
import pytest

from foleyline_training.metrics.onset import Matches, match
from foleyline_training.metrics.synchrony import (
    Heard,
    errors_s,
    f1_standard_error,
    over_seeds,
    synchrony,
    within_r37,
)


def heard(onsets, contacts) -> Heard:
    return Heard(np.array(onsets, float), np.array(contacts, float))


def test_errors_are_heard_minus_seen():
    found = errors_s(heard([0.95, 2.03], [1.0, 2.0, 3.0]))
    np.testing.assert_allclose(found, [-0.05, 0.03])


def test_of_equally_many_pairs_the_nearest_are_taken():
    # The first contact would do for the only onset; the second is nearer.
    np.testing.assert_allclose(errors_s(heard([1.0], [0.93, 1.01])), [-0.01])


def test_more_pairs_win_over_smaller_errors():
    found = errors_s(heard([1.0, 1.09], [0.91, 1.0]))
    np.testing.assert_allclose(found, [0.09, 0.09])


def test_pairs_are_as_many_as_matches():
    rng = np.random.default_rng(0)
    for _ in range(50):
        one, other = (np.sort(rng.uniform(0, 1, rng.integers(0, 9))) for _ in range(2))
        assert len(errors_s(Heard(one, other), 0.05)) == match(one, other, 0.05).hits


def test_r37_allows_more_late_than_early():
    errors = np.array([-0.041, -0.04, 0.0, 0.06, 0.061])
    assert within_r37(errors).tolist() == [False, True, True, True, False]


def test_synchrony_of_known_clips():
    contacts = [[0.5, 1.5], [0.8, 1.9], [0.2, 3.1], [2.4, 2.75]]
    clips = [heard(np.array(times) + 0.045, times) for times in contacts]
    found = synchrony(clips)
    assert found.f1 == {0.05: 1.0, 0.1: 1.0}
    assert found.chance[0.05] == 0.0
    assert (found.heard, found.seen, found.paired) == (8, 8, 8)
    assert found.median_s == pytest.approx(0.045)
    assert found.offset_s == pytest.approx(0.045)
    assert found.within_r37 == 1.0
    early = synchrony([heard(np.array(times) - 0.045, times) for times in contacts])
    assert early.f1[0.05] == 1.0
    assert early.within_r37 == 0.0
    assert early.as_json()["offset_ms"] == -45.0


def test_sound_without_onsets_has_no_errors_and_no_f1():
    found = synchrony([heard([], [1.0]), heard([], [2.0])])
    assert found.f1[0.05] == 0.0
    assert math.isnan(found.median_s)


def test_standard_error_shrinks_with_the_root_of_the_clips():
    rng = np.random.default_rng(3)
    clips = [Matches(int(hits), 5, 5) for hits in rng.binomial(5, 0.8, 400)]
    few, many = f1_standard_error(clips[:100]), f1_standard_error(clips)
    assert few / many == pytest.approx(2.0, rel=0.2)
    # Five onsets of a clip here are independent, so it is that of a share of 2,000.
    assert many == pytest.approx(math.sqrt(0.8 * 0.2 / 2000), rel=0.15)


def test_over_seeds_gives_the_standard_error_of_the_mean():
    mean, error = over_seeds([1.0, 2.0, 3.0])
    assert (mean, error) == (2.0, pytest.approx(1 / math.sqrt(3)))
    assert math.isnan(over_seeds([1.0])[1])
