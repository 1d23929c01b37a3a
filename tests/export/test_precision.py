import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from foleyline_export.precision import SMALLEST_HALVED, halve_weights, to_half


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


def halved(model, halve=halve_weights, *arguments):
    changed = ir.from_proto(model)
    halve(changed, *arguments)
    return ir.to_proto(changed)


def outputs(model, x):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


def test_halved_graph_is_valid_and_keeps_its_names(model):
    model = halved(model)
    onnx.checker.check_model(model, full_check=True)
    assert [i.name for i in model.graph.input] == ["x"]
    assert [o.name for o in model.graph.output] == ["y"]
    assert model.opset_import[0].version == 18


def test_only_large_weights_are_halved(model):
    kinds = {weight.name: weight.data_type for weight in halved(model).graph.initializer}
    assert kinds == {
        "large.half": TensorProto.FLOAT16,
        "small": TensorProto.FLOAT,
        "below": TensorProto.FLOAT,
        "shape": TensorProto.INT64,
    }


def test_file_shrinks(model):
    before = len(model.SerializeToString())
    saved = before - len(halved(model).SerializeToString())
    assert saved == pytest.approx(2 * 64 * 32, abs=250)


def test_values_change_by_rounding_only(model):
    x = np.random.default_rng(1).standard_normal((5, 64)).astype(np.float32)
    exact, rounded = outputs(model, x), outputs(halved(model), x)
    error = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert 0 < error < 2**-11  # half a unit in the last of half precision's 11 bits


def test_weight_beyond_half_precision_is_refused(model):
    model.graph.initializer[0].CopyFrom(
        numpy_helper.from_array(np.full((64, 32), 70000, np.float32), "large")
    )
    with pytest.raises(ValueError, match="large holds values beyond"):
        halved(model)


@pytest.fixture
def typed(model):
    return onnx.shape_inference.infer_shapes(model)


def test_half_computes_in_half_between_single_borders(typed):
    half = halved(typed, to_half, ())
    onnx.checker.check_model(half, full_check=True)
    for end in (*half.graph.input, *half.graph.output):
        assert end.type.tensor_type.elem_type == TensorProto.FLOAT
    assert [i.name for i in half.graph.input] == ["x"]
    assert [o.name for o in half.graph.output] == ["y"]
    kinds = {weight.name: weight.data_type for weight in half.graph.initializer}
    assert kinds.pop("shape") == TensorProto.INT64
    assert set(kinds.values()) == {TensorProto.FLOAT16}
    x = np.random.default_rng(1).standard_normal((5, 64)).astype(np.float32)
    exact, rounded = outputs(typed, x), outputs(half, x)
    error = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert 0 < error < 2**-9


def test_kept_kinds_of_nodes_stay_single(typed):
    kept = halved(typed, to_half, ("MatMul",))
    onnx.checker.check_model(kept, full_check=True)
    kinds = {weight.name: weight.data_type for weight in kept.graph.initializer}
    assert kinds["large"] == TensorProto.FLOAT
    assert kinds["small.half"] == TensorProto.FLOAT16


def test_shared_weight_of_a_kept_and_a_halved_node_is_there_once_each(typed):
    typed.graph.initializer.append(numpy_helper.from_array(np.ones((64, 32), np.float32), "ones"))
    typed.graph.node[0].input[1] = "ones"
    typed.graph.node[1].CopyFrom(helper.make_node("Gemm", ["x", "ones"], ["b"]))
    both = halved(typed, to_half, ("MatMul",))
    names = [weight.name for weight in both.graph.initializer]
    assert names.count("ones") == names.count("ones.half") == 1


def test_phase_of_a_wave_is_not_rounded():
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "rate"], ["phase"]),
            helper.make_node("Sin", ["phase"], ["wave"]),
            helper.make_node("Mul", ["wave", "rate"], ["y"]),
        ],
        "graph",
        [value("x", TensorProto.FLOAT, ["batch"])],
        [value("y", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(np.ones(1, np.float32), "rate")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)

    def kind_of_phase(**options):
        half = ir.from_proto(onnx.shape_inference.infer_shapes(model))
        to_half(half, **options)
        types = onnx.shape_inference.infer_shapes(ir.to_proto(half)).graph.value_info
        return next(v.type.tensor_type.elem_type for v in types if v.name == "phase")

    # By type: the runtime takes casts away again where a processor gains nothing by them.
    assert kind_of_phase() == TensorProto.FLOAT
    assert kind_of_phase(round_phases=True) == TensorProto.FLOAT16


def test_value_of_unknown_type_is_refused(model):
    with pytest.raises(ValueError, match="type of a is not known"):
        halved(model, to_half, ())
