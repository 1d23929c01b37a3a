"""Which files hold a graph's weights: read from the graph file before the library opens it.

A graph names its weight files itself. ONNX Runtime before 1.24 opens whatever path stands
there, and takes one special name for an address in its own memory; a later one refuses what
leaves the folder, but knows nothing of the manifest's hashes. So the names are looked up here,
and nothing may be named that the manifest does not list.

The walk knows the wire format and those fields of onnx.proto3 that lead to a tensor; all else is
skipped. It is stricter than the library's reader, never laxer: what both read, both read alike.
Source: protobuf.dev/programming-guides/encoding; onnx/onnx.proto3 (field numbers).
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterator
from pathlib import Path

from foleyline_contract.errors import BundleDamaged

LEADS_TO_TENSORS: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "TensorProto": {13: "StringStringEntryProto"},
    "StringStringEntryProto": {},
}
"""Message to the fields that lead to a tensor's external data, each to its message."""
_OP_TYPE, _KEY, _VALUE = 4, 1, 2
_COMPILED = b"EPContext"
"""A node that holds, or names the file of, an engine compiled elsewhere: code, not numbers."""
_VARINT, _EIGHT_BYTES, _SIZED, _FOUR_BYTES = 0, 1, 2, 5
_TAG_BYTES_MAX, _VARINT_BYTES_MAX = 5, 10
_UINT32_MAX = 2**32 - 1

Field = tuple[int, int, int, int]
"""Field number, wire type, start and end of its payload."""


class _Malformed(ValueError):
    """The file is no model that both readers would read alike."""


def require_listed(path: Path, listed: Collection[str]) -> None:
    """Refuse a graph that names a file of weights which is not ``listed``.

    Args:
        path: the ONNX file.
        listed: plain names of the files, in the same folder, whose hashes were checked.

    Raises:
        BundleDamaged: it names another file, holds a compiled engine, or is no ONNX model.
    """
    try:
        named = external_files(path)
    except (OSError, ValueError) as error:
        raise BundleDamaged(
            f"The graph {path.name!r} cannot be read.", detail=str(error)
        ) from error
    if unknown := sorted(named - set(listed)):
        raise BundleDamaged(
            f"The graph {path.name!r} asks for a file that its bundle does not list.",
            remedy="Do not use this bundle unless you trust where it comes from.",
            detail=f"it names {', '.join(repr(name) for name in unknown)}",
        )


def external_files(path: Path) -> frozenset[str]:
    """The names that the model gives to its weight files, just as they stand there.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no ONNX model, or holds a compiled engine.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return frozenset(_locations(data))


def _locations(data: mmap.mmap) -> Iterator[str]:
    waiting = [("ModelProto", 0, len(data))]
    while waiting:
        message, start, end = waiting.pop()
        if message == "StringStringEntryProto":
            key, value = _entry(data, start, end)
            if key == b"location":
                yield value.decode("utf-8")
            continue
        leads = LEADS_TO_TENSORS[message]
        for number, wire_type, first, last in _fields(data, start, end):
            if wire_type != _SIZED:
                continue
            if number in leads:
                waiting.append((leads[number], first, last))
            elif message == "NodeProto" and number == _OP_TYPE and data[first:last] == _COMPILED:
                raise _Malformed("it holds a compiled engine")


def _entry(data: mmap.mmap, start: int, end: int) -> tuple[bytes, bytes]:
    found: dict[int, bytes] = {}
    for number, wire_type, first, last in _fields(data, start, end):
        if number in found or number not in (_KEY, _VALUE) or wire_type != _SIZED:
            # A repeated field would count differently for different readers.
            raise _Malformed("an entry of external data is not one key and one value")
        found[number] = data[first:last]
    return found.get(_KEY, b""), found.get(_VALUE, b"")


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[Field]:
    at = start
    while at < end:
        tag, at = _varint(data, at, end, _TAG_BYTES_MAX)
        number, wire_type = tag >> 3, tag & 7
        if tag > _UINT32_MAX or number == 0:
            # A reader that keeps 32 bits of the tag would see another field.
            raise _Malformed("a field has a number that is not allowed")
        if wire_type == _SIZED:
            size, at = _varint(data, at, end, _TAG_BYTES_MAX)
            last = at + size
        elif wire_type == _VARINT:
            last = _varint(data, at, end, _VARINT_BYTES_MAX)[1]
        elif wire_type in (_EIGHT_BYTES, _FOUR_BYTES):
            last = at + (8 if wire_type == _EIGHT_BYTES else 4)
        else:
            raise _Malformed(f"a field has the wire type {wire_type}")
        if last > end:
            raise _Malformed("a field runs past its message")
        yield number, wire_type, at, last
        at = last


def _varint(data: mmap.mmap, at: int, end: int, bytes_max: int) -> tuple[int, int]:
    """The number at ``at`` and where it ends."""
    value = 0
    for place in range(min(bytes_max, end - at)):
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise _Malformed("a number does not end")
