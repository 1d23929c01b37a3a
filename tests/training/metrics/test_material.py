import numpy as np
import pytest

from foleyline_training.metrics.material import (
    CategoryCentroids,
    chance_right,
    contact_excerpt,
    lone,
    named_right,
)


def test_an_excerpt_ends_before_the_next_contact_is_heard():
    sound = np.arange(1000, dtype=np.float32)
    whole = contact_excerpt(sound, 1000, 0.1)
    assert (whole[0], whole[-1]) == (80, 699)
    assert contact_excerpt(sound, 1000, 0.1, next_s=0.5)[-1] == 479
    assert len(contact_excerpt(sound, 1000, 0.0)) == 600


def test_lone_contacts_have_room_on_both_sides():
    times = np.array([0.0, 0.5, 0.6, 1.5, 3.9])
    assert lone(times, 4.0).tolist() == [0, 3]
    assert lone(np.zeros(0), 4.0).tolist() == []


def test_centroids_name_what_points_their_way_whatever_the_scale_of_a_dimension():
    rng = np.random.default_rng(0)
    categories = rng.choice([1, 4, 7], 300)
    means = {1: [1, 0, 0], 4: [0, 1, 0], 7: [0, 0, 1]}
    values = np.array([means[c] for c in categories]) + 0.2 * rng.standard_normal((300, 3))
    scaled = (values * [1000, 1, 0.001] + 5).astype(np.float64)
    found = CategoryCentroids(scaled[:200], categories[:200]).nearest(scaled[200:])
    assert named_right(found, categories[200:]) > 0.95


def test_common_categories_do_not_dominate_and_chance_is_by_lot():
    true = np.array([0] * 90 + [1] * 10)
    always = np.zeros(100, int)
    assert named_right(always, true) == 0.5
    assert chance_right(true, true) == pytest.approx(0.5, abs=0.05)
    assert named_right(true, true) == 1.0
    assert np.isnan(named_right([], []))
