import numpy as np
import pytest

from foleyline_training.corpus.brush import NEUTRAL_DARK, PLAIN, Brush
from foleyline_training.corpus.camera import Camera
from foleyline_training.corpus.canvas import Canvas, box_at

RED = (200, 40, 40)
BOX = box_at(0.5, 0.5, 0.3, 0.3)


def drawn(brush: Brush, time_s: float = 0.0, colour: tuple[int, int, int] = RED) -> np.ndarray:
    image = np.full((90, 160, 3), 255, dtype=np.uint8)
    Canvas(image, Camera().view(), brush, time_s=time_s).polygon(BOX, colour)
    return image


def test_plain_brush_fills_with_the_colour() -> None:
    assert tuple(drawn(PLAIN)[45, 45]) == RED
    assert tuple(drawn(PLAIN)[45, 120]) == (255, 255, 255)


def test_neutral_dark_is_drawn_in_the_looks_own_neutral() -> None:
    assert tuple(drawn(Brush(neutral=(1, 2, 3)), colour=NEUTRAL_DARK)[45, 45]) == (1, 2, 3)


def test_ink_goes_around_the_edge_only() -> None:
    image = drawn(Brush(ink=(0, 0, 250), ink_width=0.03))
    assert tuple(image[45, 45]) == RED
    assert tuple(image[45, 18]) == (0, 0, 250)


def test_bands_are_brighter_towards_the_light() -> None:
    image = drawn(Brush(bands=1.0, light=(-1.0, 0.0))).astype(int)
    assert image[45, 22, 0] > image[45, 45, 0] + 20 > image[45, 68, 0] + 40


def test_texture_moves_with_the_shape() -> None:
    brush = Brush(texture=1.5, seed=3)
    first, second = (np.full((90, 160, 3), 255, dtype=np.uint8) for _ in range(2))
    Canvas(first, Camera().view(), brush).polygon(BOX, RED)
    Canvas(second, Camera().view(), brush).polygon(box_at(1.0, 0.5, 0.3, 0.3), RED)
    inside = first[30:60, 30:60]
    assert inside.std() > 5
    assert (inside == second[30:60, 75:105]).all()


def test_wobbly_lines_are_redrawn_with_time() -> None:
    brush = Brush(ink_width=0.01, wobble=0.02, seed=1)
    assert (drawn(brush, 0.01) == drawn(brush, 0.02)).all()
    assert (drawn(brush, 0.01) != drawn(brush, 0.5)).any()


@pytest.mark.parametrize("place", [(-3.0, 0.5), (0.5, 4.0), (1.77, 0.99)])
def test_shapes_at_or_beyond_the_edges_are_no_trouble(place: tuple[float, float]) -> None:
    for brush in (PLAIN, Brush(bands=1.0), Brush(opacity=0.5), Brush(ink_width=0.02, wobble=0.01)):
        image = np.zeros((36, 64, 3), dtype=np.uint8)
        Canvas(image, Camera().view(), brush).polygon(box_at(*place, 0.2, 0.2), RED)
