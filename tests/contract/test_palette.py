"""What a palette's sounds may be called, how they read, and what is said of a wrong one."""

import pytest

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.palette import check_palette, palette_text, require_sound, sound_label

NAMES = ("wood", "footstep_loose")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("wood", "Wood"),
        ("footstep", "Footsteps"),
        ("footstep_loose", "Footsteps, loose"),
        ("door_heavy_iron", "Door, heavy iron"),
        ("808", "808"),
    ],
)
def test_labels_follow_from_names(name, label):
    check_palette([name])
    assert sound_label(name) == label


def test_a_sound_of_the_bundle_or_none_is_fine():
    for wanted in (None, *NAMES):
        require_sound(wanted, NAMES, "mini")
    require_sound(None, (), "mini")


def test_a_wrong_sound_is_told_what_there_is():
    with pytest.raises(SettingInvalid) as caught:
        require_sound("wod", NAMES, "mini")
    assert caught.value.message == (
        "The bundle 'mini' cannot be asked for 'wod', only for wood, footstep_loose."
    )
    with pytest.raises(SettingInvalid, match="'mini' has no sound palette"):
        require_sound("wood", (), "mini")


def test_a_palette_in_words():
    assert palette_text(NAMES) == "can be asked for wood, footstep_loose"
    assert palette_text(()) == "has no sound palette"
