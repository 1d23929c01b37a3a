"""Clips into shards on disk: arrays that are appended to, and taken back when a video fails.

A shard is a folder of at most so many clips:

    pictures.npy             uint8 (clips, duration_pictures, height_px, width_px, 3), or
    pictures.jpegs           JPEG files one after the other, 4:4:4, where pictures are large, and
    pictures_spans.npy       int64 (clips, duration_pictures, 2): first byte and length of each
    sound.npy                int16 (clips, samples)
    index.json               what each clip is cut from
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Sequence
from io import BufferedRandom
from math import ceil, prod
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from foleyline_contract.bundle import file_sha256
from foleyline_training.prepare.clips import ClipSpec, RawClip
from foleyline_training.prepare.videos import Pixels

PICTURES, JPEGS, SPANS, SOUND = "pictures.npy", "pictures.jpegs", "pictures_spans.npy", "sound.npy"
SHARD_INDEX = "index.json"
JPEG_QUALITY = 95
_HEADER_BYTES = 256
"""Room for a header whose number of clips is not known yet."""


class _Growing:
    """An array in NumPy's format that grows along its first axis."""

    def __init__(self, path: Path, dtype: type[np.generic], row: tuple[int, ...]) -> None:
        self._dtype, self._row = np.dtype(dtype), row
        self._row_bytes = self._dtype.itemsize * prod(row)
        self._file: BufferedRandom = path.open("w+b")
        self._file.write(bytes(_HEADER_BYTES))

    def append(self, row: NDArray[np.generic] | Sequence[Pixels]) -> None:
        self._file.write(np.ascontiguousarray(row, self._dtype).data)

    def truncate(self, rows: int) -> None:
        self._file.truncate(_HEADER_BYTES + rows * self._row_bytes)
        self._file.seek(0, os.SEEK_END)

    def finish(self, rows: int) -> None:
        """Write the header and close. Source: numpy.lib.format, version 1.0."""
        description = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (rows, *self._row),
        }
        start = np.lib.format.magic(1, 0)
        length = _HEADER_BYTES - len(start) - 2
        text = repr(description).encode("latin1").ljust(length - 1) + b"\n"
        self._file.seek(0)
        self._file.write(start + struct.pack("<H", length) + text)
        close_safely(self._file)

    def close(self) -> None:
        self._file.close()


class _Jpegs:
    """Pictures as JPEG files one after the other; one that stays is kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BufferedRandom = (folder / JPEGS).open("w+b")
        self._spans: list[list[tuple[int, int]]] = []

    def append(self, pictures: Sequence[Pixels]) -> None:
        spans: list[tuple[int, int]] = []
        for number, picture in enumerate(pictures):
            if number and picture is pictures[number - 1]:
                spans.append(spans[-1])
            else:
                spans.append(self._write(picture))
        self._spans.append(spans)

    def truncate(self, rows: int) -> None:
        del self._spans[rows:]
        self._file.truncate(sum(self._spans[-1][-1]) if self._spans else 0)
        self._file.seek(0, os.SEEK_END)

    def finish(self, _rows: int) -> None:
        close_safely(self._file)
        with (self._folder / SPANS).open("w+b") as stream:
            np.save(stream, np.array(self._spans, np.int64))
            close_safely(stream)

    def close(self) -> None:
        self._file.close()

    def _write(self, picture: Pixels) -> tuple[int, int]:
        settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        _, coded = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), settings)
        first = self._file.tell()
        self._file.write(coded.data)
        return first, len(coded)


class ShardWriter:
    """One shard while it is written."""

    def __init__(self, folder: Path, spec: ClipSpec) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.clips: list[dict[str, Any]] = []
        row = (spec.duration_pictures, spec.picture.height_px, spec.picture.width_px, 3)
        self._pictures = _Jpegs(folder) if spec.jpeg else _Growing(folder / PICTURES, np.uint8, row)
        self._sound = _Growing(folder / SOUND, np.int16, (spec.samples,))

    def append(self, clip: RawClip, described: dict[str, Any]) -> None:
        """Add a clip; ``described`` goes into the index."""
        self._pictures.append(clip.pictures)
        self._sound.append(clip.sound)
        self.clips.append(described)

    def truncate(self, clips: int) -> None:
        """Take back all clips but the first so many."""
        self._pictures.truncate(clips)
        self._sound.truncate(clips)
        del self.clips[clips:]

    def close(self) -> None:
        """Close the files as they are."""
        self._pictures.close()
        self._sound.close()

    def discard(self) -> None:
        """Delete it."""
        self.close()
        shutil.rmtree(self.folder)

    def finish(self) -> dict[str, Any]:
        """Close all files; returns the shard's entry: clips, and every file's size and sha256."""
        self._pictures.finish(len(self.clips))
        self._sound.finish(len(self.clips))
        write_json(self.folder / SHARD_INDEX, {"materials": [], "clips": self.clips})
        files = {
            path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
            for path in sorted(self.folder.iterdir())
        }
        return {"clips": len(self.clips), "files": files}


class UnitWriter:
    """The shards of one unit, in folders 0, 1, ...; a context manager."""

    def __init__(self, folder: Path, spec: ClipSpec, shard_clips: int) -> None:
        self.folder, self.spec, self.shard_clips = folder, spec, shard_clips
        self._shards: list[ShardWriter] = []

    def __enter__(self) -> UnitWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for shard in self._shards:
            shard.close()

    @property
    def clips(self) -> int:
        """Clips so far."""
        return sum(len(shard.clips) for shard in self._shards)

    def append(self, clip: RawClip, described: dict[str, Any]) -> None:
        """Add a clip, to a new shard if the last one is full."""
        if not self._shards or len(self._shards[-1].clips) == self.shard_clips:
            self._shards.append(ShardWriter(self.folder / str(len(self._shards)), self.spec))
        self._shards[-1].append(clip, described)

    def truncate(self, clips: int) -> None:
        """Take back all clips but the first so many."""
        kept = ceil(clips / self.shard_clips)
        for shard in self._shards[kept:]:
            shard.discard()
        del self._shards[kept:]
        if self._shards:
            self._shards[-1].truncate(clips - (kept - 1) * self.shard_clips)

    def finish(self) -> list[dict[str, Any]]:
        """Close all; returns the shards' entries."""
        return [
            {"path": str(number), **shard.finish()} for number, shard in enumerate(self._shards)
        ]


def write_json(path: Path, content: object) -> None:
    """Write JSON by atomic rename, the same bytes for the same content."""
    draft = path.with_name(path.name + ".part")
    with draft.open("w+b") as stream:
        stream.write((json.dumps(content, indent=1) + "\n").encode())
        close_safely(stream)
    draft.replace(path)


def close_safely(stream: BufferedRandom) -> None:
    """Close a file whose bytes have to survive a power cut."""
    stream.flush()
    os.fsync(stream.fileno())
    stream.close()
