"""Takes as WAV files: written whole or not at all, with their provenance inside and beside.

A WAV holds ``fmt``, ``data`` and then a ``foly`` chunk of JSON, which other programs skip.
The sidecar ``<name>.wav.json`` holds the same, because many programs drop unknown chunks
when they save a file again.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast
from uuid import uuid4

from foleyline_contract.errors import FileUnreadable, OutputUnwritable
from foleyline_contract.messages import TakeFinished
from foleyline_contract.specs import TAKE_RATE_HZ, TAKE_SAMPLE_BYTES
from foleyline_contract.version import PACKAGE_VERSION

PROVENANCE_CHUNK = b"foly"
_PROVENANCE_MAX_BYTES = 16 << 20
_RIFF_MAX_BYTES = 2**32 - 1
_PCM = 1
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_wav(
    path: Path,
    pcm: bytes,
    rate_hz: int = TAKE_RATE_HZ,
    *,
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a mono WAV and, with ``provenance``, its sidecar; both appear whole or not at all.

    Args:
        path: the file to make; its folder must exist.
        pcm: 24-bit little-endian samples.
        rate_hz: samples per second.
        provenance: JSON values that say how the sound was made.
        overwrite: whether a file of that name may be replaced.

    Raises:
        OutputUnwritable: a file of that name exists, or it cannot be written; nothing is
            left behind.
        ValueError: ``pcm`` is not a whole number of samples.
    """
    if len(pcm) % TAKE_SAMPLE_BYTES:
        raise ValueError("pcm is not a whole number of 24-bit samples")
    note = None if provenance is None else json.dumps(dict(provenance), indent=2).encode()
    try:
        if not overwrite and path.exists():
            raise FileExistsError(path)
        with _temporary(path) as wav:
            _write_parts(wav, _wav_parts(pcm, rate_hz, note))
            if note is None:
                _publish(wav, path, overwrite=overwrite)
            else:
                _publish_with_sidecar(wav, path, note, overwrite=overwrite)
    except FileExistsError as error:
        raise OutputUnwritable(
            f"The file {Path(str(error)).name!r} exists already.", remedy="Choose another name."
        ) from error
    except (OSError, ValueError) as error:
        full = isinstance(error, OSError) and error.errno in _FULL
        text = f"The disk is full: {str(path)!r}" if full else repr(str(path))
        raise OutputUnwritable(f"{text} could not be written.", detail=str(error)) from error


def write_take(path: Path, pcm: bytes, take: TakeFinished, *, overwrite: bool = False) -> None:
    """Write a take as the server sent it; its provenance says also which take it is.

    Raises:
        OutputUnwritable: a file of that name exists, or it cannot be written; nothing is
            left behind.
    """
    provenance = {
        **take.provenance,
        "take": take.take,
        "takes": take.takes,
        "seed": take.seed,
        "peak_dbfs": take.peak_dbfs,
        "loudness_lufs": take.loudness_lufs,
        "log_p_aligned": take.log_p_aligned,
        "flags": list(take.flags),
        "written_by": f"foleyline {PACKAGE_VERSION}",
    }
    write_wav(path, pcm, provenance=provenance, overwrite=overwrite)


def read_provenance(path: Path) -> dict[str, Any] | None:
    """What a WAV says about how it was made, from inside or else from its sidecar.

    Raises:
        FileUnreadable: there is no such file, or it is no WAV.
    """
    try:
        with path.open("rb") as stream:
            inside = _find_chunk(stream, PROVENANCE_CHUNK)
    except OSError as error:
        raise FileUnreadable(
            f"The file {path.name!r} cannot be read.", detail=str(error)
        ) from error
    if inside is None:
        with suppress(OSError):
            inside = sidecar_path(path).read_bytes()
    if inside is None:
        return None
    try:
        value: Any = json.loads(inside)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def sidecar_path(path: Path) -> Path:
    """Where a WAV's provenance lies beside it."""
    return path.with_name(f"{path.name}.json")


def unique_path(path: Path) -> Path:
    """``path`` itself if nothing of that name exists, else ``name-2.wav``, ``name-3.wav``, ..."""
    candidate, number = path, 1
    while candidate.exists() or sidecar_path(candidate).exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate


# ---- RIFF ------------------------------------------------------------------------------


def _wav_parts(pcm: bytes, rate_hz: int, note: bytes | None) -> list[bytes]:
    form = struct.pack(
        "<HHIIHH", _PCM, 1, rate_hz, rate_hz * TAKE_SAMPLE_BYTES, TAKE_SAMPLE_BYTES,
        8 * TAKE_SAMPLE_BYTES,
    )  # fmt: skip
    parts = [b"WAVE", *_chunk(b"fmt ", form), *_chunk(b"data", pcm)]
    if note is not None:
        parts += _chunk(PROVENANCE_CHUNK, note)
    size = sum(map(len, parts))
    if size > _RIFF_MAX_BYTES:
        raise OSError("the sound is too long for a WAV file")
    return [b"RIFF", struct.pack("<I", size), *parts]


def _chunk(name: bytes, content: bytes) -> list[bytes]:
    """Name, size, content, and the odd byte that keeps chunks on even offsets."""
    return [name, struct.pack("<I", len(content)), content, b"\0" * (len(content) % 2)]


def _find_chunk(stream: IO[bytes], wanted: bytes) -> bytes | None:
    head = stream.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise OSError("not a WAV file")
    while len(head := stream.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        if head[:4] == wanted:
            content = stream.read(size) if size <= _PROVENANCE_MAX_BYTES else b""
            return content if content and len(content) == size else None
        stream.seek(size + size % 2, os.SEEK_CUR)
    return None


# ---- files -----------------------------------------------------------------------------


@contextmanager
def _temporary(path: Path) -> Generator[Path, None, None]:
    """A name in the same folder for the time of writing; gone afterwards, come what may."""
    temporary = path.with_name(f".foley-{uuid4().hex[:12]}.part")
    try:
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write_parts(path: Path, parts: Sequence[bytes]) -> None:
    with path.open("xb") as stream:
        for part in parts:
            stream.write(part)
        stream.flush()
        os.fsync(stream.fileno())


def _publish_with_sidecar(wav: Path, path: Path, note: bytes, *, overwrite: bool) -> None:
    """The sidecar first: whoever sees the sound may rely on its being there."""
    sidecar = sidecar_path(path)
    with _temporary(sidecar) as beside:
        _write_parts(beside, [note, b"\n"])
        _publish(beside, sidecar, overwrite=overwrite)
    try:
        _publish(wav, path, overwrite=overwrite)
    except OSError:
        sidecar.unlink(missing_ok=True)
        raise


def _publish(temporary: Path, path: Path, *, overwrite: bool) -> None:
    """Give a written file its name in one step; FileExistsError when the name is taken."""
    if overwrite:
        temporary.replace(path)
    elif sys.platform == "win32":
        try:
            temporary.rename(path)  # there, a rename never replaces
        except FileExistsError:
            raise FileExistsError(path) from None
    else:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            raise FileExistsError(path) from None
        except OSError:  # a file system without hard links
            if path.exists():
                raise FileExistsError(path) from None
            temporary.rename(path)
    if sys.platform != "win32":
        with suppress(OSError):  # some network folders cannot be synced; the file itself was
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
