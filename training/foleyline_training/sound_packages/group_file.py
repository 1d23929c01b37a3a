"""OpenClonk's group files (.ocg): a gzip with another magic number, of a table and of files.

Source: OpenClonk 8.1, src/c4group/C4Group.h (C4GroupHeader, C4GroupEntryCore).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from gzip import GzipFile

from .table import SoundPackageError

_MAGIC, _GZIP_MAGIC = b"\x1e\x8c", b"\x1f\x8b"
_HEADER_BYTES, _ENTRY_BYTES, _NAME_BYTES = 204, 316, 260
_ID, _KEY, _ID_BYTES, _ENTRIES_AT = b"RedWolf Design GrpFolder", 237, 24, 36
_MAX_BYTES, _MAX_DEPTH = 512 << 20, 8


def read_group(packed: bytes, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield path, below `prefix`, and bytes of every file in a group and in those within.

    Raises: SoundPackageError if `packed` is not a whole group file.
    """
    if packed[:2] != _MAGIC:
        raise SoundPackageError(f"{prefix} is not a group file: download its package again.")
    try:
        with GzipFile(fileobj=io.BytesIO(_GZIP_MAGIC + packed[2:])) as stream:
            group = stream.read(_MAX_BYTES)
        yield from _walk(group, prefix, 0)
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise SoundPackageError(
            f"{prefix} is damaged ({error}): download its package again."
        ) from error


def _walk(group: bytes, prefix: str, depth: int) -> Iterator[tuple[str, bytes]]:
    header = _unscrambled(group[:_HEADER_BYTES])
    if depth > _MAX_DEPTH or header[:_ID_BYTES] != _ID:
        raise ValueError("no group header")
    (count,) = struct.unpack_from("<i", header, _ENTRIES_AT)
    base = _HEADER_BYTES + _ENTRY_BYTES * count
    if not 0 <= base <= len(group):
        raise ValueError("wrong number of entries")
    for index in range(count):
        entry = _HEADER_BYTES + _ENTRY_BYTES * index
        name = group[entry : entry + _NAME_BYTES].split(b"\0")[0].decode("latin-1")
        _, is_group, size, _, offset = struct.unpack_from("<5i", group, entry + _NAME_BYTES)
        start = base + offset
        if size < 0 or offset < 0 or start + size > len(group):
            raise ValueError(f"{name} is cut off")
        content = group[start : start + size]
        if is_group:
            yield from _walk(content, f"{prefix}/{name}", depth + 1)
        else:
            yield f"{prefix}/{name}", content


def _unscrambled(header: bytes) -> bytes:
    plain = bytearray(header)
    for first in range(0, len(plain) - 2, 3):
        plain[first], plain[first + 2] = plain[first + 2], plain[first]
    return bytes(byte ^ _KEY for byte in plain)
