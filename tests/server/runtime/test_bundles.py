import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from foleyline_contract.bundle import file_sha256
from foleyline_contract.errors import (
    BundleDamaged,
    BundleError,
    BundleIncomplete,
    BundleUnknown,
)
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES, BundleShelf
from foleyline_server.runtime.library import available_providers
from foleyline_server.runtime.providers import CPU, TENSORRT
from foleyline_server.runtime.session import GraphSession, RuntimeOptions

OPTIONS = RuntimeOptions((CPU,), threads=1)


def shelf_of(*folders: Path) -> BundleShelf:
    return BundleShelf(folders, OPTIONS)


@pytest.fixture
def build():
    pytest.importorskip("onnx")
    from tiny_bundle import build_tiny_bundle

    return build_tiny_bundle


def test_finding_and_loading(tiny_folder: Path) -> None:
    shelf = shelf_of(tiny_folder)
    assert [info.name for info in shelf.infos()] == ["busy", "tiny"]
    loaded = shelf.load(shelf.find("tiny"))
    assert shelf.load(shelf.find("tiny")) is loaded
    assert (loaded.column_s, loaded.window_mel_frames) == (Fraction(1, 8), 64)
    assert loaded.windows_per_batch == 1


def test_a_folder_may_be_a_bundle_and_the_default_comes_first(tiny_folder: Path) -> None:
    assert [info.name for info in shelf_of(tiny_folder / "tiny").infos()] == ["tiny"]
    shelf = BundleShelf([tiny_folder], OPTIONS, "tiny")
    assert [info.name for info in shelf.infos()] == ["tiny", "busy"]
    assert shelf.find(None).manifest.name == "tiny"


def test_an_export_in_the_making_is_not_found(tmp_path: Path, build) -> None:
    build(tmp_path).rename(tmp_path / ".tiny.part")
    assert shelf_of(tmp_path).infos() == ()


def test_unknown_and_none(tmp_path: Path, tiny_folder: Path) -> None:
    with pytest.raises(BundleUnknown, match="'x'"):
        shelf_of(tiny_folder).find("x")
    with pytest.raises(BundleUnknown, match="No model bundle"):
        shelf_of(tmp_path, tmp_path / "missing").find(None)


def test_a_broken_bundle_is_named_when_asked_for_and_stops_nobody(tmp_path: Path, build) -> None:
    build(tmp_path, name="good")
    build(tmp_path, name="bad")
    (tmp_path / "bad" / "bundle.json").write_text("{", encoding="utf-8")
    build(tmp_path, name="lacking")
    manifest = json.loads((tmp_path / "lacking" / "bundle.json").read_text(encoding="utf-8"))
    del manifest["model"]["mel"]["hop"]
    (tmp_path / "lacking" / "bundle.json").write_text(json.dumps(manifest), encoding="utf-8")
    build(tmp_path, name="later", family="foley-flow")
    shelf = shelf_of(tmp_path)
    assert [info.name for info in shelf.infos()] == ["good"]
    for name, kind, text in (
        ("bad", BundleDamaged, "bundle.json"),
        ("lacking", BundleIncomplete, r"mel\.hop"),
        ("later", BundleIncomplete, "foley-flow"),
    ):
        with pytest.raises(kind, match=text):
            shelf.find(name)


@pytest.mark.parametrize("name", ["unet.onnx", "mel_filters.npy", "CREDITS.txt"])
def test_every_hash_is_checked(tmp_path: Path, build, name: str) -> None:
    path = build(tmp_path) / name
    path.write_bytes(path.read_bytes() + b" ")
    shelf = shelf_of(tmp_path)
    with pytest.raises(BundleDamaged, match=name):
        shelf.load(shelf.find("tiny"))
    path.unlink()
    with pytest.raises(BundleDamaged, match=name):
        shelf.load(shelf.find("tiny"))


def test_graphs_that_do_not_fit_are_named(tmp_path: Path, build) -> None:
    from tiny_bundle import MODEL

    features = replace(MODEL.features, dim=5)
    build(tmp_path, name="wide", model=replace(MODEL, features=features))
    picture = replace(MODEL.picture, fps=Fraction(4))
    build(tmp_path, name="short", model=replace(MODEL, picture=picture))
    shelf = shelf_of(tmp_path)
    with pytest.raises(BundleIncomplete, match="video_encoder"):
        shelf.load(shelf.find("wide"))
    with pytest.raises(BundleIncomplete, match="64 mel frames"):
        shelf.load(shelf.find("short"))


def test_a_file_that_is_no_graph(tmp_path: Path) -> None:
    (tmp_path / "unet.onnx").write_bytes(b"not a graph")
    with pytest.raises(BundleDamaged, match=r"unet\.onnx"):
        GraphSession(tmp_path / "unet.onnx", OPTIONS)


def test_a_wrong_shape_is_refused_not_crashed(tiny) -> None:
    from foleyline_contract.errors import ServerError

    with pytest.raises(ServerError):
        tiny.graphs["unet"](latent=np.zeros((1, 3, 3), np.float32))


def test_the_packaged_bundle_loads() -> None:
    shelf = shelf_of(PACKAGED_BUNDLES)
    if not shelf.infos():
        pytest.skip("the packaged bundle is not here")
    try:
        loaded = shelf.load(shelf.find(None))
    except BundleError as error:
        pytest.fail(f"{error} {error.detail}")
    model = loaded.found.manifest.model
    assert loaded.column_s * model.latent.shape[-1] >= model.window_s


def rewrite(folder: Path, **changes: object) -> None:
    """Change fields of a manifest, and list the folder's files with their hashes."""
    path = folder / "bundle.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) | changes
    files = [file for file in folder.iterdir() if file != path and file.is_file()]
    manifest["files"] = {file.name: file_sha256(file) for file in files}
    path.write_text(json.dumps(manifest), encoding="utf-8")


def move_weights_out(folder: Path, location: str) -> None:
    """Put the unet's numbers, but not the axes among them, into a file of that name."""
    import onnx

    model = onnx.load(folder / "unet.onnx")
    numbers = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert numbers
    for tensor in numbers:
        onnx.external_data_helper.set_external_data(tensor, location)
    onnx.save(model, folder / "unet.onnx")


def test_weights_in_a_file_of_their_own(tmp_path: Path, build) -> None:
    inside = build(tmp_path, name="inside")
    outside = build(tmp_path, name="outside")
    move_weights_out(outside, "unet.onnx.data")
    rewrite(outside)
    shelf = shelf_of(tmp_path)
    draws = np.random.default_rng(0)
    feed = {
        "latent": draws.standard_normal((2, 2, 8)),
        "timestep": draws.standard_normal(2),
        "condition": draws.standard_normal((2, 8, 4)),
    }
    results = [
        shelf.load(shelf.find(folder.name)).graphs["unet"](**feed)["prediction"]
        for folder in (inside, outside)
    ]
    assert results[0].tolist() == results[1].tolist()


def test_weights_that_the_manifest_does_not_list_are_refused(tmp_path: Path, build) -> None:
    folder = build(tmp_path)
    move_weights_out(folder, "unet.onnx.data")
    weights = (folder / "unet.onnx.data").read_bytes()
    (folder / "unet.onnx.data").unlink()
    rewrite(folder)
    (folder / "unet.onnx.data").write_bytes(weights)
    shelf = shelf_of(tmp_path)
    with pytest.raises(BundleDamaged, match="does not list"):
        shelf.load(shelf.find("tiny"))


def test_engines_in_the_folder_are_no_concern_of_the_hashes(tmp_path: Path, build) -> None:
    (build(tmp_path) / ".engines" / "x").mkdir(parents=True)
    for shelf in (shelf_of(tmp_path), shelf_of(tmp_path / "tiny")):
        assert [info.name for info in shelf.infos()] == ["tiny"]
        assert shelf.load(shelf.find("tiny")).graphs


@pytest.mark.parametrize(("precision", "warns"), [("fp16", 1), ("fp16-weights", 0), ("fp32", 0)])
def test_float16_on_the_cpu_is_warned_about_once(
    tmp_path: Path, build, caplog: pytest.LogCaptureFixture, precision: str, warns: int
) -> None:
    rewrite(build(tmp_path), precision=precision)
    shelf = shelf_of(tmp_path)
    for _ in range(2):
        shelf.load(shelf.find("tiny"))
    assert caplog.text.count("no faster on the CPU") == warns


def test_the_batch_is_the_setting_or_what_suits_the_device(tiny_folder: Path) -> None:
    shelf = BundleShelf([tiny_folder], replace(OPTIONS, windows_per_batch=3))
    assert shelf.load(shelf.find("tiny")).windows_per_batch == 3


@pytest.mark.skipif(TENSORRT in available_providers(), reason="this library has TensorRT")
def test_a_provider_that_the_library_lacks_leaves_the_cpu(
    tmp_path: Path, build, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    build(tmp_path)
    shelf = BundleShelf([tmp_path], RuntimeOptions((TENSORRT, CPU), threads=1))
    with pytest.warns(UserWarning, match="not in available provider names"):
        loaded = shelf.load(shelf.find("tiny"))
    assert {graph.providers for graph in loaded.graphs.values()} == {(CPU,)}
    assert loaded.windows_per_batch == 1
    assert "'unet' runs on the CPU" in caplog.text
