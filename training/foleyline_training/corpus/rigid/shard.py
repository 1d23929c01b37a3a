"""Rigid-body scenes written to a folder in the corpus's layout, one by one, resumable.

Each scene is kept in scenes/0000000.npz until the arrays are put together, so a killed call
goes on where it was, and a larger count adds scenes to a finished folder.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from bisect import bisect_right
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..clip_file import write_video
from ..materials import MATERIAL_NAMES
from ..render import source_frame
from ..scene import SMALLEST_GAP_S, Contact
from ..shards import CorpusSpec, contact_row, write_atomically, write_contacts
from ..sounds import SoundLibrary
from ..soundtrack import mix_soundtrack, used_files
from ..split import Split
from .blender import Blender, Order

_LOG = logging.getLogger(__name__)
_SOUND_SCALE = 32767.0
_FPS = (Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30))
_LEAST_CONTACTS = 2
_MOST_REFUSED = 40


@dataclass(frozen=True, slots=True)
class Rendering:
    """How pictures are rendered: `size_px` square, whatever the aspect, `samples` rays a pixel.

    `files` keeps the scenes as video files. Only source frames that the picture grid shows are
    rendered; in a file the frames in between repeat the one before.
    """

    size_px: int = 64
    samples: int = 3
    files: bool = False


@dataclass(frozen=True, slots=True)
class RigidScene:
    """What the soundtrack needs of a scene; nothing lasts in it."""

    seed: int
    split: Split
    duration_s: float
    contacts: tuple[Contact, ...]
    sustains: tuple[()] = ()


def generate_rigid(
    spec: CorpusSpec,
    rendering: Rendering,
    *,
    start_seed: int,
    count: int,
    folder: Path,
    library: SoundLibrary,
    blender: Blender,
) -> Path:
    """Write `count` scenes into `folder`, seeds from `start_seed` on, and return it.

    Seeds with fewer than two contacts that are seen are left out. The layout is that of
    `shards`; `rendering.files` adds files/0000.mp4 …, without sound. `index.json` lists the
    scenes. Raises: BlenderError; ValueError if the folder holds others.
    """
    (folder / "scenes").mkdir(parents=True, exist_ok=True)
    plan: dict[str, Any] = {
        "spec": spec.as_json(),
        "rendering": asdict(rendering),
        "start_seed": start_seed,
        "materials": list(MATERIAL_NAMES),
    }
    path = folder / "plan.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != plan:
        raise ValueError(f"{folder} holds scenes made with other settings; use a new folder")
    path.write_text(json.dumps(plan), encoding="utf-8")
    done = _markers(folder, count)
    seed = _note(done[-1])["seed"] + 1 if done else start_seed
    for index in range(len(done), count):
        seed = _write_scene(blender, spec, rendering, seed, index, folder, library) + 1
    _assemble(spec, plan, _markers(folder, count), folder, library)
    return folder


def _markers(folder: Path, count: int) -> list[Path]:
    """The scenes that are finished, without a gap."""
    found: list[Path] = []
    for index in range(count):
        path = folder / "scenes" / f"{index:07d}.npz"
        if not path.exists():
            break
        found.append(path)
    return found


def _note(marker: Path) -> dict[str, Any]:
    with np.load(marker, allow_pickle=False) as found:
        return json.loads(str(found["note"]))


def _write_scene(
    blender: Blender,
    spec: CorpusSpec,
    rendering: Rendering,
    seed: int,
    index: int,
    folder: Path,
    library: SoundLibrary,
) -> int:
    """Make scene `index` from the first usable seed from `seed` on; return that seed."""
    for tried in range(seed, seed + _MOST_REFUSED):
        source_fps = _FPS[tried % len(_FPS)]
        shown = [
            source_frame(
                n, picture_fps=spec.picture_fps, phase_s=spec.phase_s, source_fps=source_fps
            )
            for n in range(spec.picture_count)
        ]
        frames = sorted(set(shown))
        with tempfile.TemporaryDirectory(dir=folder) as rendered:
            answer = blender.make(_order(spec, rendering, tried, source_fps, frames, rendered))
            if "refused" in answer:
                _LOG.info("seed %d: %s", tried, answer["refused"])
                continue
            images = {frame: _image(Path(rendered) / f"{frame:05d}.png") for frame in frames}
        note = {"seed": tried, "source_fps": str(source_fps), **answer}
        if rendering.files:
            note["file"] = f"files/{index:04d}.mp4"
            _save_file(spec, rendering, images, source_fps, folder / note["file"])
        _save_scene(spec, note, [images[frame] for frame in shown], index, folder, library)
        _LOG.info("scene %d from seed %d: %d contacts", index, tried, len(answer["contacts"]))
        return tried
    raise ValueError(f"{_MOST_REFUSED} seeds from {seed} on gave no scene with contacts")


def _save_file(
    spec: CorpusSpec,
    rendering: Rendering,
    images: dict[int, NDArray[np.uint8]],
    source_fps: Fraction,
    path: Path,
) -> None:
    path.parent.mkdir(exist_ok=True)
    numbers = sorted(images)
    total = max(numbers[-1] + 1, ceil(spec.duration_s * source_fps))
    held = (images[numbers[max(0, bisect_right(numbers, n) - 1)]] for n in range(total))
    size = rendering.size_px
    write_video(held, path, source_fps, width=size, height=size, sound=None, rate_hz=spec.rate_hz)


def _order(
    spec: CorpusSpec,
    rendering: Rendering,
    seed: int,
    source_fps: Fraction,
    frames: list[int],
    rendered: str,
) -> Order:
    return Order(
        seed=seed,
        collection="training" if spec.split is Split.TRAINING else "evaluation",
        duration_s=spec.duration_s,
        source_fps=float(source_fps),
        frames=frames,
        size_px=rendering.size_px,
        samples=rendering.samples,
        folder=str(Path(rendered).resolve()),
        gap_s=SMALLEST_GAP_S,
        least_contacts=_LEAST_CONTACTS,
    )


def _image(path: Path) -> NDArray[np.uint8]:
    found = cv2.imread(str(path))
    if found is None:
        raise OSError(f"{path} was not rendered; is the disk full?")
    return np.ascontiguousarray(found[..., ::-1], dtype=np.uint8)


def _save_scene(
    spec: CorpusSpec,
    note: dict[str, Any],
    images: list[NDArray[np.uint8]],
    index: int,
    folder: Path,
    library: SoundLibrary,
) -> None:
    """Sound the scene and keep it; the marker gets its name last."""
    contacts = tuple(
        Contact(c["time_s"], c["material"], c["strength"], c["x"], c["actor"])
        for c in note["contacts"]
    )
    scene = RigidScene(note["seed"], spec.split, spec.duration_s, contacts)
    size = (spec.size_px, spec.size_px)
    pictures = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
    sound = mix_soundtrack(scene, library, rate_hz=spec.rate_hz)
    partial = folder / "scenes" / "part"
    with partial.open("wb") as out:
        np.savez(
            out,
            pictures=np.stack(pictures),
            sound=np.rint(sound * _SOUND_SCALE).astype(np.int16),
            contacts=np.array([contact_row(contact) for contact in contacts]),
            files=np.array(used_files(scene, library), dtype=np.str_),
            note=np.array(json.dumps(note)),
        )
    partial.replace(folder / "scenes" / f"{index:07d}.npz")


def _assemble(
    spec: CorpusSpec,
    plan: dict[str, Any],
    markers: list[Path],
    folder: Path,
    library: SoundLibrary,
) -> None:
    """Put the scenes together; index.json comes last."""
    size, count = spec.size_px, len(markers)
    shapes = {
        "pictures": (np.uint8, (count, spec.picture_count, size, size, 3)),
        "sound": (np.int16, (count, spec.sound_count)),
        "activity": (np.uint8, (count, spec.picture_count, len(MATERIAL_NAMES))),
    }
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.part", "w+", dtype, shape)
        for name, (dtype, shape) in shapes.items()
    }
    tables: list[NDArray[np.float64]] = []
    files: set[str] = set()
    notes: list[dict[str, Any]] = []
    for index, marker in enumerate(markers):
        with np.load(marker, allow_pickle=False) as found:
            arrays["pictures"][index], arrays["sound"][index] = found["pictures"], found["sound"]
            tables.append(np.insert(found["contacts"], 0, index, axis=1))
            files.update(found["files"].tolist())
            notes.append(json.loads(str(found["note"])))
    for name, array in arrays.items():
        array.flush()
        shutil.move(folder / f"{name}.part", folder / f"{name}.npy")
    write_contacts(folder, np.concatenate(tables))
    index = {**plan, "count": count, "scenes": notes, "sounds": library.attributions(files)}
    write_atomically(folder / "index.json", json.dumps(index, indent=1))
