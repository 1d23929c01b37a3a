"""Many scenes streamed to a folder as arrays, by a few processes, resumable after a kill.

A shard holds pictures.npy, sound.npy, contacts.npz and index.json; index.json is written last,
so a folder that has it is complete. Run as
`python -m foleyline_training.corpus.shards --out FOLDER --sounds FOLDER --count N`.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from .materials import MATERIAL_NAMES
from .render import render_pictures
from .scene import Contact, Scene, make_scene
from .sounds import SoundLibrary
from .soundtrack import mix_soundtrack, used_files
from .split import Split

_LOG = logging.getLogger(__name__)
_SOUND_SCALE = 32767.0
CORPUS_VERSION = 6
"""Raise it when the same seed no longer gives the same scene, so old shards are not resumed."""


@dataclass(frozen=True, slots=True)
class CorpusSpec:
    """Rates and sizes of a corpus; the length of a scene follows from the pictures."""

    picture_fps: Fraction = Fraction(125, 8)
    picture_count: int = 128
    phase_s: Fraction = Fraction(4, 125)
    size_px: int = 64
    rate_hz: int = 32000
    split: Split = Split.TRAINING

    @property
    def duration_s(self) -> float:
        """Length of a scene in seconds."""
        return float(self.picture_count / self.picture_fps)

    @property
    def sound_count(self) -> int:
        """Samples of sound in a scene."""
        return round(self.duration_s * self.rate_hz)

    def as_json(self) -> dict[str, object]:
        """Return the spec as JSON values, fractions as text."""
        return {
            key: str(value) if isinstance(value, Fraction) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class _Chunk:
    spec: CorpusSpec
    folder: Path
    sounds_folder: Path
    start_seed: int
    first: int
    count: int

    @property
    def marker(self) -> Path:
        return self.folder / "done" / f"{self.first:07d}.npz"


def generate_shard(
    spec: CorpusSpec,
    start_seed: int,
    count: int,
    folder: Path,
    sounds_folder: Path,
    *,
    processes: int = 2,
    chunk: int = 16,
) -> Path:
    """Write scenes `start_seed` to `start_seed + count - 1` into `folder`, and return it.

    pictures.npy is uint8 (count, picture_count, size_px, size_px, 3), sound.npy int16
    (count, sound_count), contacts.npz has flat arrays scene, time_s, material, strength, x,
    activity.npy is uint8 (count, picture_count, materials), how loud sounds that last are.
    With several processes the calling script needs an `if __name__ == "__main__"` guard.
    What an earlier, killed call finished is kept. Raises: ValueError if the folder holds a
    shard of another spec.
    """
    folder = Path(folder)
    (folder / "done").mkdir(parents=True, exist_ok=True)
    plan: dict[str, object] = {
        "corpus_version": CORPUS_VERSION,
        "spec": spec.as_json(),
        "start_seed": start_seed,
        "count": count,
        "chunk": chunk,
        "materials": list(MATERIAL_NAMES),
    }
    if (folder / "index.json").exists():
        _check_plan(folder / "index.json", plan)
        return folder
    _open_arrays(spec, count, folder, plan)
    chunks = [
        _Chunk(spec, folder, Path(sounds_folder), start_seed, first, min(chunk, count - first))
        for first in range(0, count, chunk)
    ]
    todo = [one for one in chunks if not one.marker.exists()]
    for number, _ in enumerate(_written(todo, processes), start=1):
        _LOG.info("chunk %d of %d written", number, len(todo))
    _finish(chunks, folder, plan, SoundLibrary(sounds_folder, spec.rate_hz))
    return folder


def _written(chunks: list[_Chunk], processes: int) -> Iterator[None]:
    """Write the chunks, yielding after each; with one process, in this one."""
    if processes <= 1:
        for chunk in chunks:
            yield _write_chunk(chunk)
        return
    # A forked child would inherit OpenCV's threads dead and wait for them for ever.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_write_chunk, chunk) for chunk in chunks]
        for done in as_completed(waiting):
            yield done.result()


def _check_plan(path: Path, plan: dict[str, object]) -> None:
    # Shards from before the version was written down are version 1.
    found = {"corpus_version": 1, **json.loads(path.read_text(encoding="utf-8"))}
    if any(found.get(key) != value for key, value in plan.items()):
        raise ValueError(f"{path.parent} holds a shard made with other settings; use a new folder")


def _open_arrays(spec: CorpusSpec, count: int, folder: Path, plan: dict[str, object]) -> None:
    """Create the two arrays at full size, or check that a killed call did so for this plan."""
    path = folder / "plan.json"
    if path.exists():
        _check_plan(path, plan)
        return
    size = spec.size_px
    for name, dtype, shape in (
        ("pictures.npy", np.uint8, (count, spec.picture_count, size, size, 3)),
        ("sound.npy", np.int16, (count, spec.sound_count)),
        ("activity.npy", np.uint8, (count, spec.picture_count, len(MATERIAL_NAMES))),
    ):
        array = np.lib.format.open_memmap(folder / name, mode="w+", dtype=dtype, shape=shape)
        array.flush()
    write_atomically(path, json.dumps(plan))


@lru_cache(maxsize=2)
def _library(sounds_folder: Path, rate_hz: int) -> SoundLibrary:
    """Load the sounds once for each worker process."""
    # The workers already fill the cores.
    cv2.setNumThreads(1)
    return SoundLibrary(sounds_folder, rate_hz)


def _write_chunk(chunk: _Chunk) -> None:
    """Make the chunk's scenes and write them in place; the marker comes last, renamed."""
    spec = chunk.spec
    library = _library(chunk.sounds_folder, spec.rate_hz)
    pictures = np.load(chunk.folder / "pictures.npy", mmap_mode="r+")
    sound = np.load(chunk.folder / "sound.npy", mmap_mode="r+")
    activity = np.load(chunk.folder / "activity.npy", mmap_mode="r+")
    rows: list[tuple[int, float, int, float, float, bool]] = []
    files: set[str] = set()
    for index in range(chunk.first, chunk.first + chunk.count):
        scene = make_scene(chunk.start_seed + index, duration_s=spec.duration_s, split=spec.split)
        pictures[index] = render_pictures(
            scene,
            picture_fps=spec.picture_fps,
            count=spec.picture_count,
            size_px=spec.size_px,
            phase_s=spec.phase_s,
            source_fps=scene.source_fps,
        )
        mixed = mix_soundtrack(scene, library, rate_hz=spec.rate_hz)
        sound[index] = np.rint(mixed * _SOUND_SCALE).astype(np.int16)
        activity[index] = activity_grid(scene, spec)
        files.update(used_files(scene, library))
        rows += [(index, *contact_row(c)) for c in scene.contacts]
    for array in (pictures, sound, activity):
        array.flush()
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    partial = chunk.marker.with_suffix(f".{os.getpid()}.part")
    with partial.open("wb") as out:
        np.savez(out, contacts=table, files=np.array(sorted(files), dtype=np.str_))
    partial.replace(chunk.marker)


def activity_grid(scene: Scene, spec: CorpusSpec) -> np.ndarray:
    """Loudness of the scene's lasting sounds: uint8 (picture_count, materials), 255 loudest."""
    grid = np.zeros((spec.picture_count, len(MATERIAL_NAMES)), np.uint8)
    for lasting in scene.sustains:
        sustain, column = lasting.sustain, MATERIAL_NAMES.index(lasting.material)
        for point in range(spec.picture_count):
            since_s = float((point + Fraction(1, 2)) / spec.picture_fps) - sustain.start_s
            if 0 <= since_s < sustain.length_s:
                level = round(255 * sustain.level.value(since_s + sustain.start_s))
                grid[point, column] = max(int(grid[point, column]), min(level, 255))
    return grid


def _finish(
    chunks: Iterable[_Chunk], folder: Path, plan: dict[str, object], library: SoundLibrary
) -> None:
    tables: list[np.ndarray] = []
    files: set[str] = set()
    for chunk in chunks:
        with np.load(chunk.marker) as found:
            tables.append(found["contacts"])
            files.update(found["files"].tolist())
    write_contacts(folder, np.concatenate(tables) if tables else np.zeros((0, 6)))
    index = {**plan, "sounds": library.attributions(files)}
    write_atomically(folder / "index.json", json.dumps(index, indent=1))


def contact_row(contact: Contact) -> tuple[float, int, float, float, bool]:
    """What a shard keeps of a contact; the scene's number comes before it."""
    material = MATERIAL_NAMES.index(contact.material)
    return contact.time_s, material, contact.strength, contact.x, contact.seen


def write_contacts(folder: Path, table: np.ndarray) -> None:
    """Write contacts.npz from rows (contacts, 6) of a scene's number and `contact_row`."""
    partial = folder / "contacts.part"
    with partial.open("wb") as out:
        np.savez(
            out,
            scene=table[:, 0].astype(np.int32),
            time_s=table[:, 1],
            material=table[:, 2].astype(np.int8),
            strength=table[:, 3].astype(np.float32),
            x=table[:, 4].astype(np.float32),
            seen=table[:, 5].astype(np.bool_),
        )
    partial.replace(folder / "contacts.npz")


def write_atomically(path: Path, text: str) -> None:
    """Write a text file that is there whole or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def main(arguments: list[str] | None = None) -> None:
    """Write one shard from the command line."""
    parser = argparse.ArgumentParser(description="Write a shard of the synthetic corpus.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sounds", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--start-seed", type=int, default=0)
    parser.add_argument("--size-px", type=int, default=CorpusSpec().size_px)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--split", type=Split, choices=list(Split), default=Split.TRAINING)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    spec = CorpusSpec(size_px=given.size_px, split=given.split)
    generate_shard(
        spec, given.start_seed, given.count, given.out, given.sounds, processes=given.processes
    )


if __name__ == "__main__":
    main()
