"""Quality presets are shares of a bundle's own steps."""

import pytest

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.quality import steps_for


@pytest.mark.parametrize(("quality", "steps"), [("draft", 10), ("standard", 25), ("best", 50)])
def test_shares_of_the_bundles_own(quality, steps):
    assert steps_for(quality, 25) == steps


@pytest.mark.parametrize(("default_steps", "steps"), [(1, 2), (200, 250)])
def test_best_stays_within_what_can_be_asked_for(default_steps, steps):
    assert steps_for("best", default_steps) == steps


def test_a_draft_has_a_step():
    assert steps_for("draft", 1) == 1


def test_unknown():
    with pytest.raises(SettingInvalid, match="ultra"):
        steps_for("ultra", 25)
