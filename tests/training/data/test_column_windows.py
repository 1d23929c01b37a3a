import numpy as np
import pytest

from foleyline_training.config import load_config
from foleyline_training.data.clips import draw_clips
from foleyline_training.data.column_windows import ColumnWindows
from foleyline_training.data.crops import Crop


@pytest.fixture(scope="module")
def paper():
    return load_config("paper")


@pytest.fixture
def windows(paper):
    return ColumnWindows(paper, 5, 40)


class Told:
    """Draws what it is told, and notes what was asked."""

    def __init__(self, *values):
        self.values, self.asked = list(values), []

    def __call__(self, low, high):
        self.asked.append((low, high))
        return self.values[len(self.asked) - 1]


def test_single_is_the_official_one(windows):
    """Source: the golden `split_merge`, single0."""
    draw = Told(8484)
    window = windows.single(2, draw)
    assert draw.asked == [(0, 28927)]
    assert window.heard == (Crop(2, 33, 512),)
    assert window.seen == (Crop(2, 2, 32),)


def test_merged_is_the_official_one(windows, golden):
    """Source: the golden `split_merge`, concat0: 322 columns from 107 on, then 190 from 20 on."""
    draw = Told(322, 107, 20)
    window = windows.merged((0, 1), draw)
    assert draw.asked == [(125, 386), (0, 189), (0, 321)]
    assert draw.asked[0] == tuple(golden("split_merge")["low_high_drawn"][0, :2])
    assert window.heard == (Crop(0, 107, 322), Crop(1, 20, 190))
    assert window.seen == (Crop(0, 6, 20), Crop(1, 1, 12))


def test_windows_stay_within_their_scenes(windows):
    rng = np.random.default_rng(0)
    drawn = [windows.draw(rng) for _ in range(400)]
    for window in drawn:
        assert sum(crop.count for crop in window.heard) == 512
        assert sum(crop.count for crop in window.seen) == 32
        assert all(crop.first + crop.count <= 625 for crop in window.heard)
        assert all(crop.first + crop.count <= 40 for crop in window.seen)
    assert 0.4 < np.mean([len(window.heard) == 2 for window in drawn]) < 0.6


@pytest.mark.parametrize(("kind", "same_scene", "same_start"), [(0, 1, 1), (1, 1, 0), (2, 0, 1)])
def test_pairs(windows, kind, same_scene, same_start):
    rng = np.random.default_rng(0)
    for _ in range(200):
        window = windows.pair(rng, kind)
        (heard,), (seen,) = window.heard, window.seen
        assert (seen.scene == heard.scene) == same_scene
        # A picture is 15.625 columns, and starts are rounded down apart.
        near = abs(seen.first - heard.first / 15.625) <= 1
        assert near or not same_start
        assert seen.first >= 0 and seen.first + 32 <= 40


def test_clips_start_as_the_official_ones(paper):
    rng = np.random.default_rng(0)
    drawn = [draw_clips(rng, 5, 40, paper.clips) for _ in range(500)]
    starts = np.array([[clip.first for clip in clips] for clips in drawn])
    assert starts.min(0).tolist() == [0, 8, 16]
    assert starts.max(0).tolist() == [8, 16, 24]
    assert np.diff(starts).min() == 8
    assert all(len({clip.scene for clip in clips}) == 1 for clips in drawn)


def test_scenes_without_room(paper):
    with pytest.raises(ValueError, match="no room"):
        draw_clips(np.random.default_rng(0), 1, 31, paper.clips)
    with pytest.raises(ValueError, match="too short"):
        ColumnWindows(paper, 1, 32)
