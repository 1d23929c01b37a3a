import numpy as np
import pytest

from foleyline_training.data.crops import Crop
from foleyline_training.stages.palette import TOLD_RATE, WindowPalette

NAMES = ("wood", "glass", "water")  # the corpus fixture's materials
WHOLE = (Crop(0, 0, 48),)


@pytest.fixture
def hear(corpus):
    """Gives scenes 0 and 1 nothing but these contacts: {scene: [(picture, material), ...]}."""

    def hear(contacts):
        corpus.contacts_seen[:2] = 0
        corpus.activity = np.zeros_like(corpus.activity)
        for scene, found in contacts.items():
            for picture, material in found:
                corpus.contacts_seen[scene, picture, material] = 1
        return corpus

    return hear


def told(palette, window, count=400):
    """Names drawn for many copies of one window, without those that are told nothing."""
    rows = palette.draw(np.random.default_rng(0), [window] * count).numpy()
    assert set(np.unique(rows)) <= {0, 1}
    assert (rows.sum(1) <= 1).all()
    return [palette.names[int(row.argmax())] for row in rows if row.any()]


def test_half_of_the_windows_are_told_what_is_heard_most(hear):
    palette = WindowPalette(hear({0: [(3, 1), (9, 1), (20, 2)]}), NAMES)
    names = told(palette, WHOLE)
    assert set(names) == {"glass"}
    assert len(names) / 400 == pytest.approx(TOLD_RATE, abs=0.07)


def test_only_what_is_inside_the_window_counts(hear):
    palette = WindowPalette(hear({0: [(3, 1), (9, 1), (20, 2)]}), NAMES)
    assert set(told(palette, (Crop(0, 12, 16),))) == {"water"}


@pytest.mark.parametrize(
    ("level", "name"), [(255, "water"), (90, "glass")], ids=["loud for 2 s", "quiet for 2 s"]
)
def test_sounds_that_last_count_by_time_and_level(hear, level, name):
    """31 pictures last two seconds, worth four contacts at full level."""
    corpus = hear({0: [(3, 1), (9, 1), (20, 1)]})
    corpus.activity[0, 10:41, 2] = level
    assert set(told(WindowPalette(corpus, NAMES), WHOLE)) == {name}


def test_both_parts_of_a_merged_window_count(hear):
    palette = WindowPalette(hear({0: [(3, 1)], 1: [(30, 0), (40, 0)]}), NAMES)
    assert set(told(palette, (Crop(0, 0, 8), Crop(1, 28, 16)))) == {"wood"}


def test_silent_windows_are_never_told(hear):
    assert told(WindowPalette(hear({}), NAMES), WHOLE) == []


def test_of_equals_each_is_told(hear):
    assert set(told(WindowPalette(hear({0: [(3, 0), (9, 2)]}), NAMES), WHOLE)) == {"wood", "water"}


def test_names_are_matched_not_counted(hear):
    """A palette may come from another corpus: other order, more names, fewer names."""
    corpus = hear({0: [(3, 1), (9, 1), (20, 2)]})
    assert set(told(WindowPalette(corpus, ("drum", "water", "glass")), WHOLE)) == {"glass"}
    assert set(told(WindowPalette(corpus, ("drum", "water")), WHOLE)) == {"water"}
    assert told(WindowPalette(corpus, ()), WHOLE) == []


def test_same_generator_same_rows(hear):
    palette = WindowPalette(hear({0: [(3, 0), (9, 2)]}), NAMES)
    one, two = (palette.draw(np.random.default_rng(5), [WHOLE] * 9) for _ in range(2))
    assert one.equal(two)
