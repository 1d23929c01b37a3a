"""Prepared videos on disk, opened for training: shards side by side as one array each.

Shards are opened when they are read, and not all at once: there may be more of them than a
process may have files open.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from foleyline_contract.fields import FieldError, from_json, to_json
from foleyline_training.config import Config
from foleyline_training.data.corpus_files import ClipArrays, CorpusFiles
from foleyline_training.prepare.clips import ClipSpec
from foleyline_training.prepare.prepare import DATA_FORMAT, INDEX
from foleyline_training.prepare.shards import JPEGS, PICTURES, SHARD_INDEX, SOUND, SPANS

_SHARDS_OPEN_MAX = 64


class DataUnusable(Exception):
    """The folder cannot be trained on; the text says why and what to do."""


def open_data(folder: Path, config: Config, materials: Sequence[str] = ()) -> ClipArrays:
    """Open a rendered corpus or prepared videos, whichever the folder holds.

    Args:
        materials: what the networks have a head for; prepared videos know of none themselves.

    Raises:
        DataUnusable: it holds neither, or not for this configuration.
    """
    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataUnusable(
            f"{folder} holds no {INDEX}: finish 'foley-train prepare' first."
        ) from error
    except (OSError, ValueError) as error:
        raise DataUnusable(f"{folder / INDEX} cannot be read: prepare the videos again.") from error
    if "shards" not in index:
        return CorpusFiles(folder, config)
    return PreparedFiles(folder, config, index, materials)


class PreparedFiles(ClipArrays):
    """Clips that ``foley-train prepare`` has cut from videos; nobody labelled their contacts.

    Attributes:
        labels: what a list says of each clip; empty without one. Read from disk when asked for.

    Raises:
        DataUnusable: it was prepared for another configuration, or files are missing.
    """

    contacts_known = False

    def __init__(
        self, folder: Path, config: Config, index: dict[str, Any], materials: Sequence[str] = ()
    ) -> None:
        self.folder, self.config, self.index = folder, config, index
        self.materials = list(materials)
        self.spec = _spec(folder, config, index)
        paths, clips = _shards(folder, index)
        self.pictures = ShardedArray(paths, clips, JPEGS if self.spec.jpeg else PICTURES, self.spec)
        self.sound = ShardedArray(paths, clips, SOUND, self.spec)
        grid = (self.scenes, self.duration, len(self.materials))
        self.contacts_seen = self.activity = np.broadcast_to(np.uint8(0), grid)
        self.contact_place = np.broadcast_to(np.float16(0), grid[:2])
        # The same clips may be trained on with other mels.
        mel = json.dumps(to_json(config.mel), sort_keys=True).encode()
        self.mels_name = f"mels-{hashlib.sha256(mel).hexdigest()[:12]}"
        self._paths = paths

    @property
    def credits(self) -> list[dict[str, str]]:
        index = self.index
        row = {"file": index["videos"], "licence": index["licence"], "author": index["author"]}
        return [{**row, "source": "prepared videos", "url": ""}]

    @property
    def labels(self) -> list[tuple[str, ...]]:
        return [
            tuple(clip["labels"])
            for path in self._paths
            for clip in json.loads((path / SHARD_INDEX).read_text(encoding="utf-8"))["clips"]
        ]


class ShardedArray:
    """Arrays of several shards as one, read-only: whole clips, or a stretch of one clip.

    Attributes:
        shape: (clips, ...).
    """

    def __init__(
        self, paths: Sequence[Path], clips: Sequence[int], name: str, spec: ClipSpec
    ) -> None:
        self._paths, self._name = paths, name
        self._ends = np.cumsum(clips)
        row = (spec.samples,)
        if name != SOUND:
            row = (spec.duration_pictures, spec.picture.height_px, spec.picture.width_px, 3)
        self.shape: tuple[int, ...] = (int(self._ends[-1]), *row)
        self.dtype = np.dtype(np.int16 if name == SOUND else np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: int | slice | tuple[int, slice]) -> NDArray[np.generic]:
        """``[clip]``, ``[first:stop]`` of clips, or ``[clip, first:stop]`` of one clip's axis."""
        if isinstance(key, slice):
            numbers = range(*key.indices(len(self)))
            if not numbers:
                return np.zeros((0, *self.shape[1:]), self.dtype)
            return np.stack([self[number] for number in numbers])
        clip, part = key if isinstance(key, tuple) else (key, slice(None))
        if not -len(self) <= clip < len(self):
            raise IndexError(f"clip {clip} of {len(self)}")
        clip %= len(self)
        shard = int(np.searchsorted(self._ends, clip, side="right"))
        row = clip - (int(self._ends[shard - 1]) if shard else 0)
        return _open(self._paths[shard], self._name)[row, part]


class _JpegArray:
    """Pictures of a shard that are kept as JPEG."""

    def __init__(self, folder: Path) -> None:
        self._spans = np.load(folder / SPANS, allow_pickle=False)
        self._bytes = np.memmap(folder / JPEGS, np.uint8, mode="r")

    def __getitem__(self, key: tuple[int, slice]) -> NDArray[np.uint8]:
        pictures: list[NDArray[np.uint8]] = []
        before: tuple[int, int] | None = None
        for first, length in self._spans[key]:
            if (first, length) != before:  # a picture that stays is decoded once
                coded = self._bytes[first : first + length]
                picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
                if picture is None:
                    raise DataUnusable("A prepared picture is damaged: prepare the videos again.")
                pictures.append(np.asarray(picture[..., ::-1], np.uint8))
            else:
                pictures.append(pictures[-1])
            before = (first, length)
        return np.stack(pictures)


@lru_cache(maxsize=_SHARDS_OPEN_MAX)
def _open(folder: Path, name: str) -> Any:  # noqa: ANN401 - a memory map or one of JPEG files
    if name == JPEGS:
        return _JpegArray(folder)
    return np.load(folder / name, mmap_mode="r", allow_pickle=False)


def _spec(folder: Path, config: Config, index: dict[str, Any]) -> ClipSpec:
    """What the clips are; checked to be what the configuration trains on."""
    if index.get("format") != DATA_FORMAT:
        raise DataUnusable(
            f"{folder} was prepared by another release: prepare the videos again with this one."
        )
    try:
        spec = from_json(ClipSpec, index["spec"])
    except (KeyError, FieldError) as error:
        raise DataUnusable(f"{folder / INDEX} is damaged: prepare the videos again.") from error
    wanted = replace(ClipSpec.of(config), duration_pictures=spec.duration_pictures)
    if spec != wanted:
        raise DataUnusable(
            f"{folder} was prepared for pictures or sound of another kind than the configuration "
            f"{config.name!r} has: prepare the videos again with --config {config.name}."
        )
    return spec


def _shards(folder: Path, index: dict[str, Any]) -> tuple[list[Path], list[int]]:
    """Folders of the shards and clips in each; checked to be there whole."""
    root = folder.resolve()
    paths: list[Path] = []
    for shard in index["shards"]:
        path = (root / shard["path"]).resolve()
        if not path.is_relative_to(root):
            raise DataUnusable(f"{folder / INDEX} names a shard outside its folder.")
        for name, file in shard["files"].items():
            place = path / Path(name).name
            if not place.is_file() or place.stat().st_size != file["bytes"]:
                raise DataUnusable(
                    f"{place} is missing or cut short: copy the folder again, or prepare the "
                    "videos again."
                )
        paths.append(path)
    return paths, [shard["clips"] for shard in index["shards"]]
