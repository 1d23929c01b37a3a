import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from foleyline_contract.errors import (
    BundleDamaged,
    BundleError,
    BundleIncomplete,
    BundleUnknown,
    SettingInvalid,
)
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES, BundleShelf
from foleyline_server.runtime.providers import CPU, CUDA, TENSORRT, choose_providers
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
    assert (loaded.columns_per_feature, loaded.window_mel_frames) == (Fraction(1), 64)


def test_a_folder_may_be_a_bundle_and_the_default_comes_first(tiny_folder: Path) -> None:
    assert [info.name for info in shelf_of(tiny_folder / "tiny").infos()] == ["tiny"]
    shelf = BundleShelf([tiny_folder], OPTIONS, "tiny")
    assert [info.name for info in shelf.infos()] == ["tiny", "busy"]
    assert shelf.find(None).manifest.name == "tiny"


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
    assert loaded.columns_per_feature.denominator == 1


def test_the_best_provider_is_chosen_and_explained() -> None:
    everything = (TENSORRT, CUDA, CPU)
    assert choose_providers([CPU]).providers == (CPU,)
    assert choose_providers(everything).providers == (CUDA, CPU)
    assert choose_providers(everything, "cpu").providers == (CPU,)
    assert choose_providers(everything, "tensorrt").providers == everything
    assert "lacks it" in choose_providers([CPU]).reasons[1]
    with pytest.raises(SettingInvalid, match=CUDA):
        choose_providers([CPU], "cuda")
    with pytest.raises(SettingInvalid, match="npu"):
        choose_providers([CPU], "npu")
