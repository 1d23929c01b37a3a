import hashlib
from fractions import Fraction

import pytest

from foleyline_client import bundle_choice
from foleyline_client.bundle_choice import BundleChoice
from foleyline_contract.bundle import GRAPHS, MEL_FILTERS, Manifest, write_manifest
from foleyline_contract.errors import BundleDamaged, BundleUnknown
from foleyline_contract.messages import BundleInfo, Welcome
from foleyline_contract.specs import (
    AlignerSpec,
    FeatureSpec,
    LatentSpec,
    MelSpec,
    ModelSpec,
    PictureSpec,
    SamplingDefaults,
    ScheduleSpec,
)

MODEL = ModelSpec(
    picture=PictureSpec(Fraction(4), Fraction(1, 8), 8, 8, 1.0, "squash-bilinear"),
    features=FeatureSpec(4, 8, 1, 4),
    latent=LatentSpec((2, 8), 1.0),
    mel=MelSpec(8000, 512, 125, 16, 50.0, 4000.0, 1e-5, 20.0, -80.0, 100.0),
    schedule=ScheduleSpec("scaled-linear", 1000, 0.00085, 0.012, "x0"),
    aligner=AlignerSpec("encoded"),
    defaults=SamplingDefaults("ddim", 3, 2.0, 1.0, "griffin-lim"),
)


@pytest.fixture
def folder(tmp_path):
    """A bundle, as far as a client reads it."""
    place = tmp_path / "mine"
    place.mkdir()
    files = dict.fromkeys([*(f"{graph}.onnx" for graph in GRAPHS), MEL_FILTERS, "C.txt"], "0" * 64)
    write_manifest(
        place, Manifest(2, "inner", "diff-foley", "1", "d", "MIT", "C.txt", "fp32", MODEL, files)
    )
    return place


def welcome(*hashes):
    infos = [
        BundleInfo("inner", "1", "diff-foley", "MIT", "d", sha256, "ddim", 3, 2.0, 1.0)
        for sha256 in hashes
    ]
    return Welcome("0", tuple(infos), "inner", ("CPUExecutionProvider",))


def test_a_name_stays_a_name_and_none_is_the_default():
    assert BundleChoice.of("mini") == BundleChoice("mini")
    assert BundleChoice.of(None) == BundleChoice(None)
    assert BundleChoice.of("mini").server_command() is None
    BundleChoice.of("mini").require(welcome())


def test_a_folder_is_known_by_what_its_manifest_says(folder, monkeypatch):
    monkeypatch.setattr(bundle_choice, "find_server_command", lambda: ["foley-server"])
    choice = BundleChoice.of(str(folder))
    assert choice.name == "inner"
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
