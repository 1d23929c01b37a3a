from dataclasses import dataclass, replace

import numpy as np
import pytest

from foleyline_training.corpus.backdrop import make_backdrop
from foleyline_training.corpus.camera import Camera
from foleyline_training.corpus.canvas import Canvas, box_at
from foleyline_training.corpus.look import PLAIN_LOOK, Look, Shadow
from foleyline_training.corpus.stage import draw_stage

BACKDROP = replace(
    make_backdrop(np.random.default_rng(0), 0.9),
    upper=(200, 200, 200),
    lower=(200, 200, 200),
    wall="plain",
    grain=0.0,
    light=0.0,
)


@dataclass(frozen=True)
class Sliding:
    """A black box that moves one stage unit per second to the right."""

    flashes: list[float]

    def draw(self, canvas: Canvas, time_s: float) -> None:
        self.flashes.append(canvas.flash)
        canvas.polygon(box_at(0.5 + time_s, 0.4, 0.1, 0.1), (0, 0, 0))


def picture(look: Look = PLAIN_LOOK, exposure_s: float = 0.0) -> np.ndarray:
    return draw_stage(
        (Sliding([]),),
        BACKDROP,
        Camera(),
        look,
        time_s=0.3,
        exposure_s=exposure_s,
        width=160,
        height=90,
    )


def test_what_moves_is_blurred_about_the_asked_time() -> None:
    sharp, blurred = picture()[36, :, 0], picture(exposure_s=0.1)[36, :, 0]
    assert np.sum((blurred > 20) & (blurred < 180)) > np.sum((sharp > 20) & (sharp < 180)) + 4
    places = np.arange(160)
    middles = [np.sum(places * (200.0 - row)) / np.sum(200.0 - row) for row in (sharp, blurred)]
    assert middles[0] == pytest.approx(middles[1], abs=0.6)


def test_shadow_on_the_wall_lies_beside_the_thing() -> None:
    shadowed = picture(replace(PLAIN_LOOK, shadow=Shadow(False, 0.15, 0.0, 0.5)))[36, :, 0]
    assert shadowed[88] < 0.7 * picture()[36, 88, 0]
    assert shadowed[30] == picture()[36, 30, 0]


def test_lying_shadow_darkens_the_floor_only() -> None:
    look = replace(PLAIN_LOOK, shadow=Shadow(True, 0.2, 0.15, 0.5))
    change = picture().astype(int) - picture(look)
    assert change[83:].max() > 15
    assert not change[:75].any()


def test_actors_are_told_how_far_to_flash() -> None:
    thing = Sliding([])
    look = replace(PLAIN_LOOK, flash=0.4)
    draw_stage((thing,), BACKDROP, Camera(), look, time_s=0.0, exposure_s=0.0, width=32, height=18)
    assert thing.flashes == [0.4]
