from fractions import Fraction

import numpy as np

from foleyline_training.corpus.render import render_pictures, source_frame
from foleyline_training.corpus.scene import make_scene

GRID = {"picture_fps": Fraction(125, 8), "phase_s": Fraction(4, 125)}


def test_source_frame_is_the_last_one_not_after_the_grid_point() -> None:
    for fps in (Fraction(24), Fraction(24000, 1001), Fraction(10), Fraction(60)):
        for point in range(200):
            frame = source_frame(point, source_fps=fps, **GRID)
            asked_s = point / GRID["picture_fps"] + GRID["phase_s"]
            assert frame / fps <= asked_s < (frame + 1) / fps


def test_pictures_show_source_frames() -> None:
    scene = make_scene(2)
    pictures = render_pictures(scene, count=20, size_px=48, source_fps=Fraction(24), **GRID)
    assert pictures.shape == (20, 48, 48, 3)
    for point in (0, 7, 19):
        frame = source_frame(point, source_fps=Fraction(24), **GRID)
        clean = scene.draw(frame / 24, 48, 48).astype(int)
        assert np.abs(pictures[point] - clean).mean() < 6


def test_a_source_frame_is_shown_once_when_it_lasts() -> None:
    slow = render_pictures(make_scene(2), count=8, size_px=24, source_fps=Fraction(5), **GRID)
    assert (slow[0] == slow[1]).all()
    assert not (slow[0] == slow[7]).all()


def test_pictures_are_repeatable() -> None:
    first = render_pictures(make_scene(5), count=6, size_px=48, **GRID)
    assert (first == render_pictures(make_scene(5), count=6, size_px=48, **GRID)).all()
