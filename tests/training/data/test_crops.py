from collections import Counter

import numpy as np
import pytest

from foleyline_training.data.crops import Crop, cut, draw_crop, draw_window, shifted

SCENES, DURATION, COUNT = 3, 40, 16


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def numbered(per_picture):
    """An array whose values say scene and picture: scene * 100 + picture, repeated."""
    values = np.arange(SCENES)[:, None] * 100 + np.arange(DURATION)
    return values.repeat(per_picture, axis=1)


@pytest.mark.parametrize("per_picture", [1, 8])
def test_crop_cuts_its_pictures(per_picture):
    part = Crop(2, 5, 3).cut(numbered(per_picture), per_picture)
    assert part.tolist() == np.repeat([205, 206, 207], per_picture).tolist()


def test_all_arrays_are_cut_alike(rng):
    pictures, mels = numbered(1), numbered(8)
    for _ in range(50):
        window = draw_window(rng, SCENES, DURATION, COUNT)
        assert (cut(window, pictures).repeat(8) == cut(window, mels, 8)).all()


def test_window_has_its_length_and_stays_within_its_scenes(rng):
    for _ in range(300):
        window = draw_window(rng, SCENES, DURATION, COUNT)
        assert sum(crop.count for crop in window) == COUNT
        for crop in window:
            assert 0 <= crop.scene < SCENES
            assert 0 <= crop.first <= DURATION - crop.count


def test_crops_reach_both_ends(rng):
    firsts = {draw_crop(rng, SCENES, DURATION, COUNT).first for _ in range(1000)}
    assert firsts == set(range(DURATION - COUNT + 1))


def test_crop_of_the_whole_scene(rng):
    assert draw_crop(rng, 1, COUNT, COUNT) == Crop(0, 0, COUNT)


def test_merged_parts_are_at_least_a_quarter(rng):
    splits = Counter(
        draw_window(rng, SCENES, DURATION, COUNT, merge_rate=1)[0].count for _ in range(2000)
    )
    assert set(splits) == set(range(COUNT // 4, COUNT - COUNT // 4 + 1))


def test_official_augmentation_splits_at_a_quarter_too(golden):
    """Source: the golden `split_merge`; 512 mel columns."""
    low, high = golden("split_merge")["low_high_drawn"][0, :2] / 512
    assert low == pytest.approx(1 / 4, abs=0.01)
    assert high == pytest.approx(3 / 4, abs=0.01)


def test_half_of_the_windows_are_merged(rng):
    merged = sum(len(draw_window(rng, SCENES, DURATION, COUNT)) == 2 for _ in range(2000))
    assert 0.45 < merged / 2000 < 0.55


def test_shifted_crop_is_far_enough_in_the_same_scene(rng):
    for _ in range(300):
        crop = draw_crop(rng, SCENES, DURATION, COUNT)
        other = shifted(rng, crop, DURATION, least=5)
        assert (other.scene, other.count) == (crop.scene, crop.count)
        assert abs(other.first - crop.first) >= 5
        assert 0 <= other.first <= DURATION - COUNT


def test_shifts_go_both_ways_as_far_as_there_is_room(rng):
    starts = {shifted(rng, Crop(0, 10, COUNT), DURATION, least=5).first for _ in range(500)}
    assert starts == {*range(6), *range(15, 25)}
