from pathlib import Path

import pytest
from foleyline_addon.naming import DEFAULT_PATTERN, check_pattern, expand, take_path

from foleyline_contract.errors import SettingInvalid


def expanded(pattern=DEFAULT_PATTERN, strip="ball"):
    return expand(pattern, project="film", scene="Scene 1", strip=strip, model="diff-foley")


@pytest.mark.parametrize(
    ("strip", "path"),
    [
        ("ball", "//foley/ball_seed7.wav"),
        ("shot.mp4", "//foley/shot_seed7.wav"),
        ("shot.mp4.001", "//foley/shot_001_seed7.wav"),
        ("../../etc/x", "//foley/etc_x_seed7.wav"),
        ("Straße {seed}", "//foley/Straße__seed_seed7.wav"),
        ("...", "//foley/unnamed_seed7.wav"),
    ],
)
def test_strips_become_names_for_every_file_system(strip, path):
    assert str(take_path(expanded(strip=strip), 7, 0, 1)) == path


def test_takes_are_told_apart_even_if_the_pattern_does_not():
    assert take_path(expanded(), 8, 1, 3).name == "ball_seed8_take2.wav"
    assert take_path(expanded("//{strip} {take}.wav"), 8, 1, 3).name == "ball 2.wav"


def test_all_tokens():
    pattern = "/takes/{project}/{scene}/{model}/{strip}-{seed}-{take}"
    check_pattern(pattern)
    made = take_path(expanded(pattern), 5, 0, 1)
    assert made == Path("/takes/film/Scene_1/diff-foley/ball-5-1.wav")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("//foley/{name}", "{name}"),
        ("//foley/{strip", "brace"),
        ("foley/{strip}", "//"),
        ("//foley/", "folder"),
    ],
)
def test_patterns_that_cannot_be_used(pattern, why):
    with pytest.raises(SettingInvalid, match=why):
        check_pattern(pattern)


def test_the_default_can_be_used():
    check_pattern(DEFAULT_PATTERN)
