import numpy as np
import pytest

from foleyline_training.corpus.camera import STAGE_WIDTH, Camera, Knock, Sway, make_camera


def cameras(count: int = 400) -> list[Camera]:
    return [make_camera(np.random.default_rng(seed), 8.192) for seed in range(count)]


def test_plain_camera_shows_the_stage_from_edge_to_edge() -> None:
    view = Camera().view()
    assert view @ (0.0, 0.0, 1.0) == pytest.approx([0, 0])
    assert view @ (STAGE_WIDTH, 1.0, 1.0) == pytest.approx([1, 1])
    assert Camera(mirrored=True).picture_x(0.0) == pytest.approx(1.0)


def test_roll_turns_about_the_middle_without_squashing() -> None:
    view = Camera(roll=0.1, zoom=0.8).view()
    assert view @ (STAGE_WIDTH / 2, 0.5, 1.0) == pytest.approx([0.5, 0.5])
    to_stage = np.diag([STAGE_WIDTH, 1.0]) @ view[:, :2]
    assert to_stage @ to_stage.T == pytest.approx(np.eye(2) * 0.64)


def test_sways_and_knocks_move_the_view_over_time() -> None:
    camera = Camera(sways=(Sway("x", 0.1, 0.25, 0.0),))
    assert camera.picture_x(0.5, 1.0) - camera.picture_x(0.5, 0.0) == pytest.approx(
        0.1 / STAGE_WIDTH
    )
    knocked = Camera(knocks=(Knock(2.0, 0.05, 0.0, 5.0, 0.1),))
    assert not knocked.still
    assert knocked.picture_x(0.5, 1.9) == knocked.picture_x(0.5, 4.0)
    assert knocked.picture_x(0.5, 2.05) > knocked.picture_x(0.5, 1.9)


def test_about_half_of_the_cameras_stand_still_and_some_are_far() -> None:
    found = cameras()
    assert 0.38 < np.mean([camera.still for camera in found]) < 0.6
    assert 0.05 < np.mean([camera.zoom < 0.76 for camera in found]) < 0.3
    assert {s.axis for camera in found for s in camera.sways} == {"x", "y", "roll", "zoom"}
    assert any(camera.knocks for camera in found)
    assert min(camera.widest for camera in found) > 0.35
