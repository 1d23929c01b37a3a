import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch

from foleyline_export import graph_file
from foleyline_export.graph_file import forget_shapes, graph_files, save_graph
from foleyline_export.trace import to_onnx


@pytest.fixture
def wide(linear):
    torch.manual_seed(0)
    network = torch.nn.Linear(40, 30)
    return linear(network=network, samples=lambda batch: {"x": torch.randn(batch, 40)})


def test_large_graph_keeps_its_weights_beside_it(wide, tmp_path, monkeypatch):
    monkeypatch.setattr(graph_file, "EXTERNAL_ABOVE_BYTES", 1000)
    path = tmp_path / "wide.onnx"
    save_graph(to_onnx(wide), path)
    save_graph(to_onnx(wide), path)  # again: nothing is appended
    forget_shapes(path)
    assert [file.name for file in graph_files(path)] == ["wide.onnx", "wide.onnx.data"]
    assert graph_files(path)[1].stat().st_size < 40 * 30 * 4 + 8192
    x = np.random.default_rng(0).standard_normal((3, 40)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = wide.network(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(session.run(None, {"x": x})[0], wanted, atol=1e-5)


def test_small_graph_is_one_file_and_forgets_inner_shapes(wide, tmp_path):
    path = tmp_path / "wide.onnx"
    save_graph(to_onnx(wide), path)
    forget_shapes(path)
    assert graph_files(path) == [path]
    assert not onnx.load(path).graph.value_info
    assert ir.load(path).graph.inputs[0].name == "x"
