import numpy as np

from foleyline_training.corpus.look import Look
from foleyline_training.corpus.styles import TRAINING_STYLES, UNSEEN_STYLES, make_look


def looks(*, unseen: bool, count: int = 300) -> list[Look]:
    return [make_look(np.random.default_rng(seed), 8.0, unseen=unseen) for seed in range(count)]


def test_training_and_unseen_share_no_style() -> None:
    assert not set(TRAINING_STYLES) & set(UNSEEN_STYLES)
    assert {look.style for look in looks(unseen=False)} == set(TRAINING_STYLES)
    assert {look.style for look in looks(unseen=True)} == set(UNSEEN_STYLES)


def test_struck_things_light_up_in_a_third_of_training_at_most_and_never_unseen() -> None:
    flashes = [look.flash for look in looks(unseen=False)]
    assert 0.15 < np.mean(np.array(flashes) > 0) <= 0.37
    assert max(flashes) <= 0.6
    assert not any(look.flash for look in looks(unseen=True))


def test_some_looks_are_blurred_shadowed_or_without_colour() -> None:
    found = looks(unseen=False)
    assert 0.15 < np.mean([look.shutter > 0 for look in found]) < 0.35
    assert all(0 <= look.shutter <= 0.5 for look in found)
    assert 0.2 < np.mean([look.shadow is not None for look in found]) < 0.45
    assert 0.07 < np.mean([look.grade.saturation < 0.13 for look in found]) < 0.25


def test_the_same_stream_gives_the_same_look() -> None:
    assert looks(unseen=False, count=5) == looks(unseen=False, count=5)
