"""Short trainings of equal length, on a part of a finished run's corpus, to compare them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile

import cv2
import numpy as np
from numpy.typing import NDArray

from foleyline_training.checkpoints import save_checkpoint
from foleyline_training.config import Config, write_run_config
from foleyline_training.runs import Run, train_stage
from foleyline_training.stages.networks import make_cavp

WARM_UP_STEPS = 30
_PIECE = 64


@dataclass(frozen=True, slots=True)
class SmallRun:
    """One training among several.

    Attributes:
        folder: where it is trained; what is finished there is not done again.
        config: with the seconds of its stages.
        corpus: what diffusion and classifier are trained on.
    """

    folder: Path
    config: Config
    corpus: Path

    def begin(self, run: Path) -> None:
        """Make its folder, with the autoencoder and, if there is one, the vocoder of ``run``."""
        write_run_config(self.folder, self.config)
        link = self.folder / "corpus"
        if not link.exists():
            link.symlink_to(self.corpus.absolute(), target_is_directory=True)
        copyfile(run / "autoencoder.pt", self.folder / "autoencoder.pt")
        if (run / "vocoder.pt").is_file():
            copyfile(run / "vocoder.pt", self.folder / "vocoder.pt")

    def train(self, *stages: str, corpus: Path | None = None) -> None:
        """Train stages one after the other, on ``corpus`` where it is another."""
        for name in stages:
            train_stage(name, self.config, Run(self.folder, data=corpus or self.corpus))

    def untrained_encoder(self) -> None:
        """Take an encoder's first weights for its last."""
        materials = json.loads((self.corpus / "index.json").read_text())["materials"]
        network = make_cavp(self.config, len(materials))
        state = {"weights": network.state_dict(), "extra": {}, "steps": 0}
        save_checkpoint(self.folder / "cavp.pt", state)


def shortened(config: Config, seconds: Mapping[str, float]) -> Config:
    """``config`` with other times for some stages."""
    stages = {
        name: replace(
            stage,
            seconds=seconds.get(name, stage.seconds),
            warm_up_steps=min(WARM_UP_STEPS, stage.warm_up_steps),
        )
        for name, stage in config.stages.items()
    }
    return replace(config, stages=stages)


def shown_at(config: Config, size_px: int | None) -> Config:
    """``config`` for pictures of another size, if there is one."""
    size_px = size_px or config.picture.height_px
    return replace(config, picture=replace(config.picture, height_px=size_px, width_px=size_px))


def derive_corpus(
    source: Path, folder: Path, scenes: int, hold: int = 1, size_px: int | None = None
) -> Path:
    """The first scenes of a corpus as one of its own, in ``folder``.

    Args:
        size_px: of its pictures, where they are to be smaller.
        hold: of so many pictures one is shown all the time, the middle one, as if the picture
            rate were so many times lower; the grid stays, so that nothing else changes.
    """
    if (folder / "index.json").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    pictures = np.load(source / "pictures.npy", mmap_mode="r")
    scenes = min(scenes, len(pictures))
    grid = np.arange(pictures.shape[1])
    shown = np.minimum(grid // hold * hold + hold // 2, len(grid) - 1)
    for name in ("pictures", "sound", "activity"):
        array = np.load(source / f"{name}.npy", mmap_mode="r")
        shape = (scenes, *array.shape[1:])
        if name == "pictures" and size_px is not None:
            shape = (*shape[:2], size_px, size_px, 3)
        copy = np.lib.format.open_memmap(
            folder / f"{name}.npy", mode="w+", dtype=array.dtype, shape=shape
        )
        for start in range(0, scenes, _PIECE):
            part = array[start : min(start + _PIECE, scenes)]
            part = part[:, shown] if name == "pictures" else part
            fits = part.shape[1:] == shape[1:]
            copy[start : start + len(part)] = part if fits else _scaled(part, shape)
        copy.flush()
    with np.load(source / "contacts.npz", allow_pickle=False) as contacts:
        kept = contacts["scene"] < scenes
        np.savez(folder / "contacts.npz", **{key: contacts[key][kept] for key in contacts.files})
    index = json.loads((source / "index.json").read_text(encoding="utf-8"))
    index["count"] = scenes
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def _scaled(pictures: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """``pictures`` (scenes, frames, size, size, 3) at the size of ``shape``."""
    size = (shape[2], shape[3])
    flat = pictures.reshape(-1, *pictures.shape[2:])
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in flat]
    return np.stack(small).astype(np.uint8).reshape(len(pictures), *shape[1:])
