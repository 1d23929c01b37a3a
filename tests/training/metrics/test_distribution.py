import numpy as np
import pytest

from foleyline_training.metrics.distribution import (
    frechet_distance,
    inception_score,
    mean_kl,
    probabilities,
)


def test_probabilities_are_a_softmax_that_does_not_overflow():
    found = probabilities([[0.0, np.log(3)], [1000.0, 0.0]])
    np.testing.assert_allclose(found, [[0.25, 0.75], [1.0, 0.0]])


def test_inception_score_of_clear_and_different_sounds_is_their_number_of_classes():
    rows = np.tile(np.eye(5), (20, 1))
    mean, spread = inception_score(rows, splits=1)
    assert (mean, spread) == (pytest.approx(5.0), pytest.approx(0.0))


def test_inception_score_of_like_or_vague_sounds_is_one():
    assert inception_score(np.tile([0.2, 0.8], (40, 1)))[0] == pytest.approx(1.0)
    assert inception_score(np.tile([1.0, 0.0], (40, 1)))[0] == pytest.approx(1.0)


def test_inception_score_is_the_exponential_of_mutual_information():
    rows = np.array([[0.9, 0.1], [0.1, 0.9]] * 8)
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert inception_score(rows, splits=1)[0] == pytest.approx(np.exp(np.log(2) - entropy))


def test_inception_score_needs_a_sound_for_every_part():
    with pytest.raises(ValueError, match="3 sounds cannot be cut into 10"):
        inception_score(np.full((3, 2), 0.5))


def test_frechet_distance_of_axis_aligned_gaussians_is_the_closed_form():
    rng = np.random.default_rng(0)
    base = rng.standard_normal((400, 3))
    base = np.linalg.solve(np.linalg.cholesky(np.cov(base.T)), (base - base.mean(0)).T).T
    scale, shift = np.array([2.0, 0.5, 3.0]), np.array([1.0, -2.0, 0.5])
    # |m|^2 + sum (s - 1)^2, the samples being exactly of unit covariance
    expected = shift @ shift + ((scale - 1) ** 2).sum()
    assert frechet_distance(base, base * scale + shift) == pytest.approx(expected)
    assert frechet_distance(base, base) == pytest.approx(0.0, abs=1e-9)


def test_frechet_distance_agrees_with_a_matrix_root_and_is_symmetric():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(1)
    first = rng.standard_normal((200, 6)) @ rng.standard_normal((6, 6))
    second = rng.standard_normal((300, 6)) @ rng.standard_normal((6, 6)) + 0.3
    one, other = np.cov(first.T), np.cov(second.T)
    offset = first.mean(0) - second.mean(0)
    expected = offset @ offset + np.trace(one + other - 2 * sqrtm(one @ other).real)
    assert frechet_distance(first, second) == pytest.approx(expected)
    assert frechet_distance(second, first) == pytest.approx(expected)


def test_frechet_distance_works_with_fewer_sounds_than_dimensions():
    rng = np.random.default_rng(2)
    few = rng.standard_normal((5, 40))
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-6)
    assert frechet_distance(few, few + 1) == pytest.approx(40.0)


def test_mean_kl_is_directed_and_pairs_rows():
    real, made = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[0.25, 0.75], [0.5, 0.5]])
    first = 0.5 * np.log(2) + 0.5 * np.log(0.5 / 0.75)
    assert mean_kl(real, made) == pytest.approx((first + np.log(2)) / 2, abs=1e-5)
    assert mean_kl(real, real) == pytest.approx(0.0, abs=1e-5)
    assert mean_kl(real, made) != pytest.approx(mean_kl(made, real), abs=1e-2)
    with pytest.raises(ValueError, match="do not pair"):
        mean_kl(real, made[:1])


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        frechet_distance([[0.0, np.nan], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]])
