import csv

import numpy as np
import pytest

from foleyline_contract.bundle import GRAPHS, MEL_FILTERS, read_manifest, verify_files
from foleyline_export.verify import ValueMismatch
from foleyline_export.write_bundle import ATTRIBUTIONS, write_bundle
from foleyline_training.config import load_config
from foleyline_training.data.mel import mel_filters

CREDIT = {
    "file": "wood/knock.flac",
    "licence": "CC-BY-3.0",
    "author": "Ann, of Ghent",
    "source": "a pack",
    "url": "https://example.org",
}
WHO_MADE_IT = {
    "name": "toy",
    "version": "1",
    "description": "Five matrices",
    "licence": "CC0-1.0",
    "credits": [CREDIT],
    "training": {"steps": {"cavp": 1}},
}


@pytest.fixture(scope="module")
def model():
    return load_config("mini").model_spec(scale_factor=1.5, margin=11)


@pytest.fixture(scope="module")
def written(linear, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "toy"
    graphs = [linear(name) for name in GRAPHS]
    return folder, write_bundle(folder, model=model, graphs=graphs, **WHO_MADE_IT)


def test_bundle_passes_the_contracts_checks(written, model):
    folder, manifest = written
    read = read_manifest(folder)
    verify_files(folder, read)
    assert read.model == model
    assert (read.name, read.licence, read.files) == ("toy", "CC0-1.0", manifest.files)


def test_nothing_is_in_the_folder_that_the_manifest_does_not_name(written):
    folder, manifest = written
    assert {path.name for path in folder.iterdir()} == {*manifest.files, "bundle.json"}
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]


def test_filters_are_the_models(written, model):
    filters = np.load(written[0] / MEL_FILTERS, allow_pickle=False)
    np.testing.assert_array_equal(filters, mel_filters(model.mel))


def test_credits_are_kept(written):
    with (written[0] / ATTRIBUTIONS).open(newline="", encoding="utf-8") as table:
        assert list(csv.DictReader(table)) == [CREDIT]


def test_manifest_reports_what_was_measured(written):
    parity = read_manifest(written[0]).parity
    assert parity.keys() == set(GRAPHS)
    assert parity["unet"]["fp32"]["y"]["relative_l2"] < 1e-6
    assert "fp16_weights" in parity["unet"]


def test_failed_verification_leaves_what_was_there(linear, model, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "bundle.json").write_text("old")
    too_exact = [linear("unet", tolerance=-1.0)]
    with pytest.raises(ValueMismatch):
        write_bundle(tmp_path / "toy", model=model, graphs=too_exact, **WHO_MADE_IT)
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]
    assert (tmp_path / "toy" / "bundle.json").read_text() == "old"


def test_unfinished_bundle_leaves_nothing(model, tmp_path):
    with pytest.raises(ValueError, match=r"unet\.onnx"):
        write_bundle(tmp_path / "toy", model=model, graphs=[], **WHO_MADE_IT)
    assert list(tmp_path.iterdir()) == []
