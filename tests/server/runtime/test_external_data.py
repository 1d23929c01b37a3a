import struct
from pathlib import Path

import numpy as np
import pytest

from foleyline_contract.errors import BundleDamaged
from foleyline_server.runtime.external_data import (
    LEADS_TO_TENSORS,
    external_files,
    require_listed,
)
from foleyline_server.runtime.providers import CPU
from foleyline_server.runtime.session import GraphSession, RuntimeOptions

onnx = pytest.importorskip("onnx", reason="onnx writes the tests' graphs")
WEIGHTS = np.arange(4, dtype=np.float32).reshape(2, 2)
OPTIONS = RuntimeOptions((CPU,), threads=1)


def outside(location: str):
    """A tensor whose weights lie in another file."""
    tensor = onnx.TensorProto(name="w", dims=WEIGHTS.shape, data_type=onnx.TensorProto.FLOAT)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("length", str(WEIGHTS.nbytes))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def model_with(*initializers, nodes=()):
    """``prediction = latent @ w``."""
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["latent", "w"], ["prediction"]), *nodes],
        "g",
        [helper.make_tensor_value_info("latent", onnx.TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor_value_info("prediction", onnx.TensorProto.FLOAT, ["batch", 2])],
        list(initializers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def write(folder: Path, model) -> Path:
    path = folder / "unet.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_in_a_listed_file_are_used(tmp_path: Path) -> None:
    (tmp_path / "unet.onnx.data").write_bytes(WEIGHTS.tobytes())
    path = write(tmp_path, model_with(outside("unet.onnx.data")))
    session = GraphSession(path, OPTIONS, listed={"unet.onnx.data": "hash"})
    assert session(latent=np.eye(2))["prediction"].tolist() == WEIGHTS.tolist()


@pytest.mark.parametrize(
    "location",
    ["../w", "/etc/passwd", "unlisted", "./w", "sub/../w", "W", "", "*/_ORT_MEM_ADDR_/*"],
)
def test_weights_anywhere_else_are_refused_before_the_library_sees_them(
    tmp_path: Path, location: str
) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    for place in (tmp_path / "w", folder / "w", folder / "unlisted"):
        place.write_bytes(WEIGHTS.tobytes())
    path = write(folder, model_with(outside(location)))

    class Unused:
        def __getattr__(self, name: str):
            raise AssertionError("the library was reached")

    with pytest.raises(BundleDamaged, match="does not list") as caught:
        GraphSession(path, OPTIONS, listed=["w"], library=Unused())
    assert repr(location) in caught.value.detail


def test_every_place_that_can_hold_a_tensor_is_searched(tmp_path: Path) -> None:
    sparse = onnx.SparseTensorProto(values=outside("sparse values"), indices=outside("indices"))
    inner = model_with(outside("subgraph")).graph
    node = onnx.NodeProto(op_type="If")
    node.attribute.add(name="a", t=outside("attribute"))
    node.attribute.add(name="b", tensors=[outside("attributes")])
    node.attribute.add(name="c", g=inner)
    node.attribute.add(name="d", sparse_tensor=sparse)
    model = model_with(outside("initializer"), nodes=[node])
    function = model.functions.add(name="f")
    function.node.add(op_type="Constant").attribute.add(name="v", t=outside("function"))
    model.training_info.add().algorithm.CopyFrom(model_with(outside("training")).graph)
    assert external_files(write(tmp_path, model)) == {
        "sparse values", "indices", "subgraph", "attribute", "attributes", "initializer",
        "function", "training",
    }  # fmt: skip


def test_the_fields_are_those_of_the_format() -> None:
    """From onnx's own description: no message that leads to a tensor is missing here."""
    found: dict[str, dict[int, str]] = {}
    waiting = [onnx.ModelProto.DESCRIPTOR]
    while waiting:
        message = waiting.pop()
        found[message.name] = {
            field.number: field.message_type.name for field in message.fields if field.message_type
        }
        waiting += [
            field.message_type
            for field in message.fields
            if field.message_type and field.message_type.name not in found
        ]
    leads = {"TensorProto"}
    while more := {name for name, parts in found.items() if leads & set(parts.values())} - leads:
        leads |= more
    expected = {
        name: {number: part for number, part in parts.items() if part in leads}
        for name, parts in found.items()
        if name in leads
    }
    assert expected.pop("TensorProto") == {}
    entries = [f.number for f in onnx.TensorProto.DESCRIPTOR.fields if f.name == "external_data"]
    assert LEADS_TO_TENSORS["TensorProto"] == {entries[0]: "StringStringEntryProto"}
    assert {name: LEADS_TO_TENSORS[name] for name in expected} == expected


def test_a_compiled_engine_is_refused(tmp_path: Path) -> None:
    node = onnx.helper.make_node("EPContext", ["latent"], ["x"], domain="com.microsoft")
    path = write(tmp_path, model_with(onnx.numpy_helper.from_array(WEIGHTS, "w"), nodes=[node]))
    with pytest.raises(BundleDamaged, match=r"unet\.onnx") as caught:
        require_listed(path, [])
    assert "compiled engine" in caught.value.detail


LOCATION = b"\x0a\x08location\x12\x01w"


def in_model(entry: bytes) -> bytes:
    """A model with one initializer with one entry of external data."""
    for tag in (b"\x6a", b"\x2a", b"\x3a"):
        entry = tag + bytes([len(entry)]) + entry
    return entry


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a graph",
        in_model(LOCATION)[:-1],
        in_model(LOCATION + LOCATION),
        in_model(b"\x0a\x08location\x12\x01\xff"),
        # Field 7 + 2**29 is field 7 to a reader that keeps 32 bits of a tag.
        b"\xba\x80\x80\x80\x10" + in_model(LOCATION)[1:],
        b"\x3a\xff\xff\xff\xff\x7f",
        b"\x08" + b"\x80" * 11,
        b"\x02\x00",
        b"\x3b\x3c",
    ],
)
def test_what_two_readers_might_read_differently_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "unet.onnx"
    path.write_bytes(data)
    with pytest.raises(BundleDamaged, match=r"unet\.onnx"):
        require_listed(path, ["w"])


def test_unknown_fields_of_every_kind_are_skipped(tmp_path: Path) -> None:
    unknown = b"\xf8\x07\x01" + b"\xf9\x07" + struct.pack("<d", 1) + b"\xfd\x07" + b"1234"
    path = tmp_path / "unet.onnx"
    path.write_bytes(unknown + in_model(LOCATION) + unknown)
    assert external_files(path) == {"w"}


def test_a_deeply_nested_model_is_no_danger(tmp_path: Path) -> None:
    data = in_model(LOCATION)[2:]
    for _ in range(3000):
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            data = tag + onnx_varint(len(data)) + data
    path = tmp_path / "unet.onnx"
    path.write_bytes(b"\x3a" + onnx_varint(len(data)) + data)
    assert external_files(path) == {"w"}


def onnx_varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
