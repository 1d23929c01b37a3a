"""Small networks to export."""

import importlib.util

import pytest

if importlib.util.find_spec("torch"):
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def busy():
    """Replaces all weights by noise, so that layers that start at zero do something."""

    def shake(network):
        torch.manual_seed(0)
        for weight in network.parameters():
            fan_in = weight[0].numel() if weight.dim() > 1 else 4
            weight.data = torch.randn_like(weight) / fan_in**0.5
        return network.eval()

    return shake


@pytest.fixture(scope="session")
def linear():
    """A graph of one matrix, the smallest there is: x (batch, 4) to y (batch, 3)."""
    from foleyline_export.graph_spec import GraphSpec

    def spec(name="linear", **changed):
        torch.manual_seed(0)
        values = {
            "network": torch.nn.Linear(4, 3),
            "inputs": {"x": {0: "batch"}},
            "outputs": ("y",),
            "samples": lambda batch: {"x": torch.randn(batch, 4)},
        }
        return GraphSpec(name, **(values | changed))

    return spec


@pytest.fixture
def write_linear(tmp_path):
    """Writes y = x @ matrix + bias as a graph by hand, with whatever names and axes."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def write(network, *, x="x", y="y", batch="batch", factor=1.0, transposed=False):
        matrix = factor * network.weight.detach().numpy().T
        value = helper.make_tensor_value_info
        last = [helper.make_node("Transpose", ["sum"], [y], perm=[1, 0])] if transposed else []
        graph = helper.make_graph(
            [
                helper.make_node("MatMul", [x, "matrix"], ["product"]),
                helper.make_node("Add", ["product", "bias"], ["sum" if last else y]),
                *last,
            ],
            "linear",
            [value(x, TensorProto.FLOAT, [batch, 4])],
            [value(y, TensorProto.FLOAT, None)],
            [
                numpy_helper.from_array(matrix.astype("f4"), "matrix"),
                numpy_helper.from_array(network.bias.detach().numpy(), "bias"),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        path = tmp_path / "linear.onnx"
        onnx.save(model, path)
        return path

    return write


@pytest.fixture(scope="session")
def released(sizes, tmp_path_factory):
    """Small files like the four released ones, by kind."""
    from foleyline_export.official_file import LEFTOVERS
    from foleyline_export.reference.rule import write_rule_checkpoint

    folder = tmp_path_factory.mktemp("released")
    for kind in LEFTOVERS:
        write_rule_checkpoint(folder / f"{kind}.ckpt", kind, sizes)
    return {kind: folder / f"{kind}.ckpt" for kind in LEFTOVERS}
