"""A rendered corpus on disk, opened for training: pictures, mels, labels, cached features.

All arrays are memory-mapped with the scene first and time second, so that one Crop cuts
them alike. Mels, features and latents are made here once, resumably, and kept beside the
rendered files.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from foleyline_training.config import Config
from foleyline_training.data.mel import LogMel

log = logging.getLogger(__name__)

_BATCH = 8
INT16_PEAK = 32767.0


class ClipArrays:
    """Scenes or clips of one length on disk, whatever made them.

    Attributes:
        folder: where caches are kept.
        pictures: uint8 (scenes, duration_pictures, size, size, 3).
        sound: int16 (scenes, samples).
        materials: names of the materials, by number.
        contacts_known: whether the labels below say anything; nobody labels found videos.
        contacts_seen: labels (scenes, duration_pictures, materials), 1 where there is a contact.
        contact_place: (scenes, duration_pictures), when in the picture it is, in [0, 1).
        activity: uint8 (scenes, duration_pictures, materials), how loud lasting sounds are.
    """

    folder: Path
    config: Config
    index: dict[str, Any]
    materials: list[str]
    pictures: Any
    sound: Any
    contacts_known: bool
    contacts_seen: NDArray[np.uint8]
    contact_place: NDArray[np.float16]
    activity: NDArray[np.uint8]
    mels_name = "mels"
    """What the cached log-mels are called."""

    @property
    def scenes(self) -> int:
        return len(self.pictures)

    @property
    def duration(self) -> int:
        """Pictures in a scene."""
        return self.pictures.shape[1]

    @property
    def credits(self) -> list[dict[str, str]]:
        """Rows of the attribution table: file, licence, author, source, url."""
        return self.index.get("sounds", [])

    def mels(self, hop: int | None = None) -> NDArray[np.float16]:
        """Log-mels (scenes, mel_frames, bands), the last of them within the sound.

        Args:
            hop: samples from frame to frame, where it is not the configuration's.
        """
        spec = replace(self.config.mel, hop=hop or self.config.mel.hop)
        mel = LogMel(spec)

        def compute(start: int, stop: int) -> NDArray[np.float16]:
            sound = torch.from_numpy(self.sound[start:stop].astype(np.float32) / INT16_PEAK)
            return mel(sound).transpose(1, 2).numpy().astype(np.float16)

        same = spec == self.config.mel
        name = self.mels_name if same else f"{self.mels_name}-hop{spec.hop}"
        return self.cached(name, (self.sound.shape[1] // spec.hop, spec.bands), compute)

    def cached(
        self,
        name: str,
        shape: tuple[int, ...],
        compute: Callable[[int, int], NDArray[np.float16]],
    ) -> NDArray[np.float16]:
        """The array ``<name>.npy`` (scenes, *shape), computed where it is still missing.

        A computation that was cut short goes on after the last whole batch of scenes.

        Args:
            compute: values of scenes [start, stop).
        """
        path, draft = self.folder / f"{name}.npy", self.folder / f"{name}.part.npy"
        if not path.exists():
            finished = self.folder / f"{name}.finished"  # how many scenes the draft holds
            first = int(finished.read_text()) if finished.exists() and draft.exists() else 0
            if not first:
                finished.unlink(missing_ok=True)
            log.info("computing %s of %d scenes from %d on", name, self.scenes, first)
            array = np.lib.format.open_memmap(
                draft,
                mode="r+" if first else "w+",
                dtype=np.float16,
                shape=(self.scenes, *shape),
            )
            with torch.inference_mode():
                for start in range(first, self.scenes, _BATCH):
                    stop = min(start + _BATCH, self.scenes)
                    array[start:stop] = compute(start, stop)
                    array.flush()
                    part = finished.with_suffix(".finished.part")
                    part.write_text(str(stop))
                    part.replace(finished)
            del array
            draft.replace(path)
            finished.unlink(missing_ok=True)
        return np.load(path, mmap_mode="r")


class CorpusFiles(ClipArrays):
    """One rendered corpus, which knows its contacts."""

    contacts_known = True

    def __init__(self, folder: Path, config: Config) -> None:
        self.folder, self.config = folder, config
        self.index = json.loads((folder / "index.json").read_text())
        self.materials = self.index["materials"]
        self.pictures = np.load(folder / "pictures.npy", mmap_mode="r")
        self.sound = np.load(folder / "sound.npy", mmap_mode="r")
        contacts = np.load(folder / "contacts.npz", allow_pickle=False)
        # What happens off the picture is heard, but no picture can tell of it.
        seen = contacts["seen"]
        self.contact_scene: NDArray[np.int64] = contacts["scene"][seen].astype(np.int64)
        self.contact_time_s: NDArray[np.float64] = contacts["time_s"][seen].astype(np.float64)
        self.contact_material: NDArray[np.int64] = contacts["material"][seen].astype(np.int64)
        self.activity = np.load(folder / "activity.npy", mmap_mode="r")
        self.contacts_seen, self.contact_place = self._contact_grids()

    def _contact_grids(self) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
        """Labels (scenes, duration_pictures, materials), and when in the picture it is.

        1 in the picture a contact falls in; the place (scenes, duration_pictures) is in [0, 1).
        """
        grid = np.zeros((self.scenes, self.duration, len(self.materials)), np.uint8)
        place = np.zeros((self.scenes, self.duration), np.float16)
        exact = self.contact_time_s * float(self.config.picture.fps)
        picture = exact.astype(np.int64)
        inside = picture < self.duration
        scene, picture = self.contact_scene[inside], picture[inside]
        grid[scene, picture, self.contact_material[inside]] = 1
        place[scene, picture] = exact[inside] - picture
        return grid, place


def as_pictures(
    values: NDArray[np.uint8] | torch.Tensor,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """uint8 (..., frames, size, size, 3) to (..., frames, 3, size, size) in [0, 1].

    Args:
        dtype: what networks compute in; a colour has 8 bits, and so has bfloat16.
    """
    if not isinstance(values, torch.Tensor):
        values = torch.from_numpy(np.array(values))
    # As bytes to the device: a quarter of the way, and it is quicker at the rest.
    return values.to(device).movedim(-1, -3).to(dtype).contiguous() / 255
