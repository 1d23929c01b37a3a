import gc
from dataclasses import replace

import pytest
from foleyline_addon import choices
from foleyline_addon.board import Board
from session import BUNDLE

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.messages import GenerateSettings

ASKABLE = replace(BUNDLE, name="mini", palette=("wood", "footstep_loose"))
PLAIN = replace(BUNDLE, name="diff-foley")


@pytest.fixture
def board():
    return Board(bundles=(ASKABLE, PLAIN), default_bundle="mini")


def shown(items):
    return [(name, label) for name, label, _tip in items]


def test_models_begin_with_the_servers_default(board):
    wanted = [("", "Default (mini)"), ("mini", "mini"), ("diff-foley", "diff-foley")]
    assert shown(choices.models(board, "")) == wanted
    assert shown(choices.models(board, "gone")) == [*wanted, ("gone", "gone")]
    assert shown(choices.models(Board(), "")) == [("", "Server's Default")]


def test_sounds_are_those_of_the_chosen_model(board):
    wanted = [("", "Auto"), ("wood", "Wood"), ("footstep_loose", "Footsteps, loose")]
    assert shown(choices.sounds(board, "", "")) == wanted
    assert shown(choices.sounds(board, "mini", "wood")) == wanted
    assert shown(choices.sounds(board, "diff-foley", "")) == [("", "Auto")]


@pytest.mark.parametrize("model", ["", "mini", "diff-foley", "gone"])
def test_a_chosen_sound_outlives_a_server_that_lacks_it(board, model):
    for where in (board, Board()):
        items = choices.sounds(where, model, "bell_small")
        assert items[choices.place(items, "bell_small")][:2] == ("bell_small", "Bell, small")


def test_what_stands_in_the_way_is_said(board):
    assert choices.sound_hint(board, "", "wood") == choices.sound_hint(board, "", "") == ""
    assert "cannot be asked" in choices.sound_hint(board, "mini", "bell")
    for chosen in ("", "wood"):
        assert "no sound palette" in choices.sound_hint(board, "diff-foley", chosen)
    assert choices.sound_hint(Board(), "", "bell") == ""  # nobody knows yet


def test_a_sound_is_asked_for_where_the_panel_shows_it_in_use(board):
    assert choices.asked(board, "", "wood") == "wood"
    assert choices.asked(board, "", "") is None
    assert choices.asked(board, "diff-foley", "wood") is None
    assert choices.asked(Board(), "", "wood") == "wood"


def test_a_wrong_sound_is_refused_before_any_job(board):
    for settings in (
        GenerateSettings(1, palette="wood"),
        GenerateSettings(1, bundle="diff-foley"),
        GenerateSettings(1, bundle="gone", palette="bell"),
    ):
        assert choices.checked(board, settings) is settings
    with pytest.raises(SettingInvalid, match="only for wood, footstep_loose"):
        choices.checked(board, GenerateSettings(1, palette="bell"))
    with pytest.raises(SettingInvalid, match="'diff-foley' has no sound palette"):
        choices.checked(board, GenerateSettings(1, bundle="diff-foley", palette="wood"))


def test_a_list_that_became_shorter_leaves_the_choice(board):
    items = choices.sounds(board, "", "")
    assert [choices.name_at(items, at, "wood") for at in (0, 2, 3, -1)] == [
        "", "footstep_loose", "wood", "wood"
    ]  # fmt: skip


def test_blender_reads_strings_that_are_still_there(board):
    """The same list as long as nothing changes, even if another scene was asked for meanwhile."""
    first = choices.menu(choices.sounds(board, "", ""), choices.NO_SOUND)
    assert first[0] == ("AUTO", "Auto", "What the picture suggests", 0)
    assert [item[0] for item in first] == ["AUTO", "wood", "footstep_loose"]
    choices.menu(choices.sounds(board, "diff-foley", ""), choices.NO_SOUND)
    gc.collect()
    assert choices.menu(choices.sounds(board, "", ""), choices.NO_SOUND) is first
