from fractions import Fraction
from pathlib import Path

import pytest
from foleyline_addon.shot import Shot, small_size


def test_a_rendered_shot_is_played_from_its_start_at_its_own_speed():
    shot = Shot("Edit", "ball", ("ball",), 40, 88, Fraction(24000, 1001))
    clip = shot.clip_at(Path("/movies/1.mp4"))
    assert (clip.start_s, clip.speed) == (0, 1)
    assert clip.sample_count == round(Fraction(48 * 1001 * 48_000, 24_000))


@pytest.mark.parametrize(
    ("scene", "least", "percentage", "small"),
    [
        ((1920, 1080), (224, 224), 25, (480, 270)),
        ((3840, 2160), (224, 224), 15, (576, 324)),
        ((1080, 1920), (224, 224), 25, (270, 480)),
        ((224, 224), (224, 224), 100, (224, 224)),
        ((160, 90), (224, 224), 100, (160, 90)),
    ],
)
def test_small_but_large_enough(scene, least, percentage, small):
    size = small_size(*scene, least)
    assert (size.width_px, size.height_px, size.percentage) == (*scene, percentage)
    assert tuple(side * percentage // 100 for side in scene) == small


def test_odd_scenes_get_even_pictures():
    size = small_size(161, 91, (224, 224))
    assert (size.width_px, size.height_px, size.percentage) == (162, 92, 100)
