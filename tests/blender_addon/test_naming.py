import pytest
from foleyline_addon.naming import take_stem


@pytest.mark.parametrize(
    ("strip", "stem"),
    [
        ("ball", "ball_seed7"),
        ("shot.mp4", "shot_seed7"),
        ("shot 12/a.mp4.001", "shot_12_a_001_seed7"),
        ("v1.5", "v1_5_seed7"),
        ("...", "strip_seed7"),
        ("Übung-3.mov", "Übung-3_seed7"),
        ("x" * 200, "x" * 60 + "_seed7"),
    ],
)
def test_stem_is_fit_for_every_file_system(strip, stem):
    assert take_stem(strip, 7, 0, 1) == stem


def test_takes_are_numbered_from_one():
    assert take_stem("ball", 8, 1, 3) == "ball_seed8_take2"
