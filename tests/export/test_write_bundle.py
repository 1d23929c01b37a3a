import csv
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from foleyline_contract.bundle import GRAPHS, MEL_FILTERS, read_manifest, verify_files
from foleyline_export.verify import ValueMismatch
from foleyline_export.write_bundle import ATTRIBUTIONS, BundlePlan, write_bundle
from foleyline_training.config import load_config
from foleyline_training.data.mel import mel_filters

CREDIT = {
    "file": "wood/knock.flac",
    "licence": "CC-BY-3.0",
    "author": "Ann, of Ghent",
    "source": "a pack",
    "url": "https://example.org",
}


@pytest.fixture(scope="module")
def model():
    return load_config("mini").model_spec(scale_factor=1.5, margin=11)


@pytest.fixture(scope="module")
def plan(linear, model):
    def make(names=GRAPHS, precision="fp16-weights", inputs=None, **changed):
        return BundlePlan(
            name="toy",
            version="1",
            description="Five matrices",
            licence="CC0-1.0",
            precision=precision,
            model=model,
            graphs={name: lambda name=name: linear(name, **changed) for name in names},
            credits=[CREDIT],
            inputs=inputs or {"toy.pt": "0" * 64},
            training={"steps": {"cavp": 1}},
        )

    return make


@pytest.fixture(scope="module")
def written(plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "toy"
    return folder, write_bundle(folder, plan())


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


def test_failed_verification_leaves_what_was_there(plan, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "bundle.json").write_text("old")
    with pytest.raises(ValueMismatch):
        write_bundle(tmp_path / "toy", plan(tolerance=-1.0))
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]
    assert (tmp_path / "toy" / "bundle.json").read_text() == "old"


def test_unfinished_bundle_leaves_nothing(plan, tmp_path):
    with pytest.raises(ValueError, match=r"unet\.onnx"):
        write_bundle(tmp_path / "toy", plan(names=[]))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def interrupted(plan, tmp_path):
    """An export that was stopped while it made the third graph; and what it had made."""
    made = []

    def stop_at_third(name, _report):
        made.append(name)
        if len(made) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_bundle(tmp_path / "toy", plan(), stop_at_third)
    assert not (tmp_path / "toy").exists()
    return tmp_path / "toy", made


def fresh(plan, folder, **changed):
    """The graphs that are made, not taken over, when the export is started again."""
    made = []
    again = plan(**changed)

    def counting(name, make):
        def counted():
            made.append(name)
            return make()

        return counted

    counted = {name: counting(name, make) for name, make in again.graphs.items()}
    write_bundle(folder, replace(again, graphs=counted))
    return made


def test_interrupted_export_goes_on_where_it_stopped(plan, interrupted):
    folder, made = interrupted
    assert fresh(plan, folder) == list(GRAPHS[2:])
    verify_files(folder, read_manifest(folder))
    assert read_manifest(folder).parity.keys() == set(GRAPHS)
    assert made == list(GRAPHS[:2])
    assert {path.name for path in folder.iterdir()} == {
        *read_manifest(folder).files,
        "bundle.json",
    }


def test_finished_graphs_of_other_weights_are_not_taken_over(plan, interrupted):
    assert fresh(plan, interrupted[0], inputs={"toy.pt": "1" * 64}) == list(GRAPHS)


def test_finished_graph_that_was_changed_meanwhile_is_made_again(plan, interrupted):
    folder, _ = interrupted
    (folder.parent / ".toy.part" / f"{GRAPHS[0]}.onnx").write_bytes(b"")
    assert fresh(plan, folder) == [GRAPHS[0], *GRAPHS[2:]]


def test_half_precision_is_measured_and_used_where_the_spec_allows(plan, tmp_path):
    write_bundle(tmp_path / "half", plan(precision="fp16"))
    write_bundle(tmp_path / "kept", plan(precision="fp16", stays_fp32=True))
    for name, used, kind in (("half", "fp16", 10), ("kept", "fp32", 1)):
        manifest = read_manifest(tmp_path / name)
        assert manifest.precision == "fp16"
        assert manifest.parity["unet"]["used"] == used
        assert 0 < manifest.parity["unet"]["fp16"]["y"]["relative_l2"] < 1e-2
        graph = onnx.load(tmp_path / name / "unet.onnx").graph
        assert {weight.data_type for weight in graph.initializer} == {kind}
        assert graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT
