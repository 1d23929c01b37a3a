from dataclasses import replace

import numpy as np
import pytest

from foleyline_training.corpus.grade import TRUE_COLOURS, graded

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (48, 48, 3), dtype=np.uint8)


def changed(**fields: object) -> np.ndarray:
    return graded(PICTURE.copy(), replace(TRUE_COLOURS, **fields))


def test_true_colours_change_nothing() -> None:
    assert (changed() == PICTURE).all()


def test_black_and_white_has_no_colour() -> None:
    grey = changed(saturation=0.0).astype(int)
    assert np.ptp(grey, axis=2).max() <= 1


def test_levels_lift_and_inversion() -> None:
    assert len(np.unique(changed(levels=4))) == 4
    assert changed(lift=0.2).min() >= 50
    assert (changed(inverted=True) == 255 - PICTURE).all()


def test_bars_are_black_and_the_corners_dark() -> None:
    assert not changed(bars=0.1)[:5].any()
    assert not changed(bars=0.1)[-5:].any()
    white = graded(np.full((48, 48, 3), 255, np.uint8), replace(TRUE_COLOURS, vignette=0.5))
    assert white[0, 0, 0] < 140 < 250 < white[24, 24, 0]


def test_cells_make_blocks() -> None:
    blocks = changed(cells=12)
    assert (blocks[0:4, 0:4] == blocks[0, 0]).all()


@pytest.mark.parametrize("effect", ["thermal", "woodcut", "glow"])
def test_effects_keep_size_and_change_much(effect: str) -> None:
    found = changed(effect=effect)
    assert found.shape == PICTURE.shape
    assert np.abs(found.astype(int) - PICTURE).mean() > 20


def test_woodcut_mixes_ink_and_paper_only() -> None:
    found = changed(effect="woodcut", ink=(200, 0, 0), paper=(200, 255, 0))
    assert (found[:, :, 0] == 200).all()
    assert not found[:, :, 2].any()
    assert found[:, :, 1].min() < 30
    assert found[:, :, 1].max() > 225
