import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from foleyline_export.precision import SMALLEST_HALVED, halve_weights


@pytest.fixture
def model():
    """y = (x @ large) * small + whole, with a weight just below the size that is halved."""
    rng = np.random.default_rng(0)
    large = rng.standard_normal((64, 32)).astype(np.float32)
    small = rng.standard_normal(32).astype(np.float32)
    below = np.ones(SMALLEST_HALVED - 1, np.float32)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "large"], ["a"]),
            helper.make_node("Mul", ["a", "small"], ["b"]),
            helper.make_node("ReduceMax", ["below"], ["c"], keepdims=0),
            helper.make_node("Mul", ["b", "c"], ["d"]),
            helper.make_node("Reshape", ["d", "shape"], ["y"]),
        ],
        "graph",
        [value("x", TensorProto.FLOAT, ["batch", 64])],
        [value("y", TensorProto.FLOAT, ["batch", 32])],
        [
            numpy_helper.from_array(large, "large"),
            numpy_helper.from_array(small, "small"),
            numpy_helper.from_array(below, "below"),
            numpy_helper.from_array(np.array([-1, 32], np.int64), "shape"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def outputs(model, x):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


def test_halved_graph_is_valid_and_keeps_its_names(model):
    halve_weights(model)
    onnx.checker.check_model(model, full_check=True)
    assert [i.name for i in model.graph.input] == ["x"]
    assert [o.name for o in model.graph.output] == ["y"]
    assert model.opset_import[0].version == 18


def test_only_large_weights_are_halved(model):
    kinds = {weight.name: weight.data_type for weight in halve_weights(model).graph.initializer}
    assert kinds == {
        "large.half": TensorProto.FLOAT16,
        "small": TensorProto.FLOAT,
        "below": TensorProto.FLOAT,
        "shape": TensorProto.INT64,
    }


def test_file_shrinks(model):
    before = len(model.SerializeToString())
    saved = before - len(halve_weights(model).SerializeToString())
    assert saved == pytest.approx(2 * 64 * 32, abs=100)


def test_values_change_by_rounding_only(model):
    x = np.random.default_rng(1).standard_normal((5, 64)).astype(np.float32)
    exact, halved = outputs(model, x), outputs(halve_weights(model), x)
    error = np.linalg.norm(halved - exact) / np.linalg.norm(exact)
    assert 0 < error < 2**-11  # half a unit in the last of half precision's 11 bits


def test_weight_beyond_half_precision_is_refused(model):
    model.graph.initializer[0].CopyFrom(
        numpy_helper.from_array(np.full((64, 32), 70000, np.float32), "large")
    )
    with pytest.raises(ValueError, match="large holds values beyond"):
        halve_weights(model)
