"""Several corpora as one: drawn scenes beside those that Blender's solver moved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .shards import write_atomically

ARRAYS = ("pictures", "sound", "activity")
_PIECE = 64


class CorporaDiffer(ValueError):
    """Corpora that cannot be one; the text says which and why."""


def join_corpora(parts: Sequence[Path], folder: Path) -> Path:
    """Copy the scenes of `parts` into `folder`, in their order, and return it.

    A part that is named twice counts twice. What `folder` holds already is kept, if it was joined
    from the same. Raises: CorporaDiffer if a part is missing or unfinished, has pictures or
    sounds of another shape or other materials, or `folder` holds something else.
    """
    indices = [_index(part) for part in parts]
    joined = [
        {"folder": part.name, "count": one["count"]}
        for part, one in zip(parts, indices, strict=True)
    ]
    if (folder / "index.json").is_file():
        if _index(folder).get("joined") != joined:
            raise CorporaDiffer(f"{folder} holds another corpus; use a new folder")
        return folder
    _check_alike(parts, indices)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        _join_arrays([part / f"{name}.npy" for part in parts], folder / f"{name}.npy")
    _join_contacts(parts, [one["count"] for one in indices], folder / "contacts.npz")
    sounds = {row["file"]: row for one in indices for row in one["sounds"]}
    count = sum(one["count"] for one in indices)
    index = {**indices[0], "count": count, "joined": joined, "sounds": list(sounds.values())}
    write_atomically(folder / "index.json", json.dumps(index, indent=1))
    return folder


def check_finished(parts: Sequence[Path]) -> None:
    """Raises: CorporaDiffer if one of them is no corpus yet."""
    for part in parts:
        _index(part)


def _index(part: Path) -> dict[str, Any]:
    try:
        return json.loads((part / "index.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CorporaDiffer(
            f"{part} is no finished corpus: it has no index.json. Finish it with the command "
            "that began it"
        ) from None


def _check_alike(parts: Sequence[Path], indices: Sequence[dict[str, Any]]) -> None:
    """The split may differ, and what is not written down everywhere: how it was rendered."""
    shape = [{**one["spec"], "split": None} for one in indices]
    for part, spec, one in zip(parts, shape, indices, strict=True):
        if one["materials"] != indices[0]["materials"]:
            raise CorporaDiffer(f"{part} has other materials than {parts[0]}")
        if spec != shape[0]:
            wrong = [f"{key} {value}" for key, value in spec.items() if value != shape[0].get(key)]
            raise CorporaDiffer(f"{part} is not like {parts[0]}: it has {', '.join(wrong)}")


def _join_arrays(sources: Sequence[Path], path: Path) -> None:
    """Memory-mapped and in pieces: the pictures of a corpus do not fit into memory."""
    arrays = [np.load(source, mmap_mode="r") for source in sources]
    shape = (sum(map(len, arrays)), *arrays[0].shape[1:])
    whole = np.lib.format.open_memmap(path, mode="w+", dtype=arrays[0].dtype, shape=shape)
    place = 0
    for array in arrays:
        for start, stop in _pieces(len(array)):
            whole[place + start : place + stop] = array[start:stop]
        place += len(array)
    whole.flush()


def _pieces(count: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, _PIECE):
        yield start, min(start + _PIECE, count)


def _join_contacts(parts: Sequence[Path], counts: Sequence[int], path: Path) -> None:
    """Their scenes' numbers go on where those of the part before end."""
    tables = []
    for number, part in enumerate(parts):
        with np.load(part / "contacts.npz", allow_pickle=False) as contacts:
            table = {name: contacts[name] for name in contacts.files}
        tables.append({**table, "scene": table["scene"] + sum(counts[:number])})
    whole: dict[str, Any] = {
        name: np.concatenate([one[name] for one in tables]) for name in tables[0]
    }
    np.savez(path, **whole)
