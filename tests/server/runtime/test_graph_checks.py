from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from foleyline_contract.bundle import GRAPHS, file_sha256, read_manifest, write_manifest
from foleyline_contract.errors import BundleIncomplete
from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.runtime.graph_checks import (
    check_graphs,
    expected_tensors,
    mel_frames_per_window,
)
from foleyline_server.runtime.providers import CPU
from foleyline_server.runtime.session import RuntimeOptions, TensorInfo

OPEN_AXES = [
    ("condition_encoder", "inputs", "features"),
    ("condition_encoder", "outputs", "condition"),
    ("unet", "inputs", "condition"),
    ("aligner", "inputs", "features"),
]
"""Graph, side and tensor whose second axis counts a window's features."""


def graphs_of(manifest) -> dict[str, SimpleNamespace]:
    """Graphs whose tensors are just what the manifest says."""
    return {
        name: SimpleNamespace(
            inputs={key: TensorInfo(shape, True) for key, shape in inputs.items()},
            outputs={key: TensorInfo(shape, True) for key, shape in outputs.items()},
        )
        for name, (inputs, outputs) in expected_tensors(manifest).items()
    }


@pytest.mark.parametrize(("graph", "side", "tensor"), OPEN_AXES)
@pytest.mark.parametrize(("features", "fits"), [(8, True), (None, True), (9, False)])
def test_the_axis_of_features_may_be_fixed_or_open(tiny, graph, side, tensor, features, fits):
    manifest = tiny.found.manifest
    graphs = graphs_of(manifest)
    tensors = getattr(graphs[graph], side)
    batch, _, size = tensors[tensor].shape
    tensors[tensor] = TensorInfo((batch, features, size), True)
    if fits:
        check_graphs(manifest, graphs)
    else:
        with pytest.raises(BundleIncomplete, match=rf"{graph}.*{tensor} has the shape"):
            check_graphs(manifest, graphs)


@pytest.mark.parametrize(
    ("palette", "inputs", "text"),
    [
        (("wood",), {}, "it has features instead of features, palette"),
        ((), {"palette": (None, 1)}, "it has features, palette instead of features"),
        (("wood", "metal"), {"palette": (None, 1)}, "palette has the shape"),
        (("wood", "metal"), {"palette": (None, 2)}, None),
        (("wood", "metal"), {"palette": (None, None)}, None),
    ],
)
def test_the_palette_is_an_input_of_its_size(tiny, palette, inputs, text):
    manifest = tiny.found.manifest
    graphs = graphs_of(manifest)
    graphs["condition_encoder"].inputs |= {k: TensorInfo(v, True) for k, v in inputs.items()}
    asked = replace(manifest, format_version=3, model=replace(manifest.model, palette=palette))
    if text is None:
        check_graphs(asked, graphs)
    else:
        with pytest.raises(BundleIncomplete, match=f"condition_encoder.*{text}"):
            check_graphs(asked, graphs)


@pytest.mark.parametrize(
    ("frames", "text"), [(64, None), (63, "needs 64"), (70, "no whole number"), (72, None)]
)
def test_a_latent_column_is_a_whole_number_of_mel_frames(tiny, frames: int, text: str | None):
    def decoder(latent: np.ndarray) -> dict[str, np.ndarray]:
        return {"mel": np.zeros((len(latent), 16, frames), np.float32)}

    manifest, graphs = tiny.found.manifest, {"latent_decoder": decoder}
    if text is None:
        assert mel_frames_per_window(manifest, graphs) == frames
    else:
        with pytest.raises(BundleIncomplete, match=text):
            mel_frames_per_window(manifest, graphs)


def test_other_graphs_in_the_bundle_are_not_opened(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from tiny_bundle import build_tiny_bundle

    place = build_tiny_bundle(tmp_path)
    extra = place / "latent_encoder.onnx"
    extra.write_bytes(b"not even a graph")
    manifest = read_manifest(place)
    files = {**manifest.files, extra.name: file_sha256(extra)}
    write_manifest(place, replace(manifest, files=files))
    shelf = BundleShelf([tmp_path], RuntimeOptions((CPU,), threads=1))
    assert set(shelf.load(shelf.find("tiny")).graphs) == set(GRAPHS)


def test_a_vocoders_graph_is_loaded_where_there_is_one_and_checked(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from tiny_bundle import build_tiny_bundle

    build_tiny_bundle(tmp_path, vocoder=True)
    shelf = BundleShelf([tmp_path], RuntimeOptions((CPU,), threads=1))
    manifest = shelf.find("tiny").manifest
    loaded = shelf.load(shelf.find("tiny"))
    assert set(loaded.graphs) == {*GRAPHS, "vocoder"} == set(manifest.graphs)
    graphs = graphs_of(manifest)
    graphs["vocoder"].outputs["spectrum"] = TensorInfo((None, 2, 100, None), True)
    with pytest.raises(BundleIncomplete, match=r"'vocoder'.*spectrum has the shape"):
        check_graphs(manifest, graphs)
