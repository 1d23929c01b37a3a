import hashlib
import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from foleyline_client import bundle_choice
from foleyline_client.bundle_choice import BundleChoice
from foleyline_contract.bundle import MANIFEST_NAME
from foleyline_contract.errors import BundleDamaged, BundleUnknown
from foleyline_contract.messages import BundleInfo, Welcome

MINI = Path(__file__).parents[2] / "server" / "foleyline_server" / "bundles" / "mini"


@pytest.fixture
def folder(tmp_path):
    """A bundle, as far as a client reads it, in a folder of another name."""
    place = tmp_path / "mine"
    place.mkdir()
    shutil.copy(MINI / MANIFEST_NAME, place)
    return place


def welcome(*hashes):
    infos = [
        BundleInfo(
            "mini",
            "1",
            "diff-foley",
            "MIT",
            "d",
            sha256,
            "ddim",
            3,
            2.0,
            1.0,
            "griffin-lim",
            8,
            8,
            Fraction(4),
        )
        for sha256 in hashes
    ]
    return Welcome("0", tuple(infos), "mini", ("CPUExecutionProvider",))


def test_a_name_stays_a_name_and_none_is_the_default():
    assert BundleChoice.of("mini") == BundleChoice("mini")
    assert BundleChoice.of(None) == BundleChoice(None)
    assert BundleChoice.of("mini").server_command() is None
    BundleChoice.of("mini").require(welcome())


def test_a_folder_is_known_by_what_its_manifest_says(folder, monkeypatch):
    monkeypatch.setattr(bundle_choice, "find_server_command", lambda: ["foley-server"])
    choice = BundleChoice.of(str(folder))
    assert choice.name == "mini"
    assert choice.sha256 == hashlib.sha256((folder / "bundle.json").read_bytes()).hexdigest()
    assert choice.server_command() == ["foley-server", "--bundles", str(folder)]


def test_a_relative_folder_reaches_the_server_as_a_whole_path(folder, monkeypatch):
    monkeypatch.setattr(bundle_choice, "find_server_command", lambda: ["foley-server"])
    monkeypatch.chdir(folder.parent)
    assert BundleChoice.of("mine").server_command()[-1] == str(folder)


def test_a_running_server_has_to_have_that_very_bundle(folder):
    choice = BundleChoice.of(str(folder))
    choice.require(welcome("1" * 64, choice.sha256))
    with pytest.raises(BundleUnknown, match="foley stop"):
        choice.require(welcome("1" * 64))


def test_paths_without_a_bundle(tmp_path):
    with pytest.raises(BundleUnknown, match="no bundle in the folder"):
        BundleChoice.of(str(tmp_path / "none"))
    (tmp_path / "bundle.json").write_text("{")
    with pytest.raises(BundleDamaged):
        BundleChoice.of(str(tmp_path))
