from dataclasses import replace

import numpy as np
import pytest

from foleyline_training.corpus.backdrop import make_backdrop, seen_backdrop
from foleyline_training.corpus.camera import Camera, Sway
from foleyline_training.corpus.wallpaper import FLOORS, UNSEEN_WALLS, WALLS

BACKDROP = make_backdrop(np.random.default_rng(4), 0.85)
TONE = ((0, 0, 0), 0.0)


def seen(backdrop=BACKDROP, camera=Camera(), time_s: float = 0.0) -> np.ndarray:  # noqa: B008
    return seen_backdrop(backdrop, TONE, camera, time_s, 96, 96)


@pytest.mark.parametrize("wall", sorted({*WALLS, *UNSEEN_WALLS}))
def test_every_wall_can_be_painted(wall: str) -> None:
    picture = seen(replace(BACKDROP, wall=wall))
    assert picture.shape == (96, 96, 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("floor", sorted(set(FLOORS)))
def test_every_floor_covers_the_bottom_of_a_far_view(floor: str) -> None:
    near = replace(BACKDROP, ground=(200, 0, 0), ground_pattern=floor, grain=0.0)
    below = seen(near, Camera(zoom=0.5))[-8:].astype(int)
    assert (below[:, :, 0] > below[:, :, 1] + 40).all()


def test_the_backdrop_moves_with_the_camera() -> None:
    tiled = replace(BACKDROP, wall="checkers", upper=(255, 255, 255), accent=(0, 0, 0), grain=0.0)
    moving = Camera(sways=(Sway("x", 16 / 9 * 12 / 96, 0.25, 0.0),))
    first, later = seen(tiled, moving, 0.0).astype(int), seen(tiled, moving, 1.0).astype(int)
    assert np.abs(first - later).mean() > 10
    assert np.abs(first[:, :-12] - later[:, 12:]).mean() < 3


def test_what_is_drawn_on_it_is_not_kept() -> None:
    seen()[:] = 0
    assert seen().any()


def test_unseen_walls_are_not_in_training() -> None:
    found = {
        make_backdrop(np.random.default_rng(seed), 0.85, unseen=True).wall for seed in range(40)
    }
    assert found == set(UNSEEN_WALLS)
    assert {"waves", "dots"}.isdisjoint(WALLS)
