"""TensorBoard: figures, and now and then what a stage makes, to be seen and heard."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.specs import MelSpec
from foleyline_training.data.quick_sound import quick_sound

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a stage makes at present, beside what it should make.

    Attributes:
        mels: log-mels (windows, bands, frames) in [0, 1] by what they are; alike in shape.
        spec: what the mels are.
    """

    mels: Mapping[str, NDArray[np.float32]]
    spec: MelSpec


class Board:
    """Writes one stage's training into a folder that ``tensorboard --logdir`` reads."""

    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer

    def add(self, figures: Mapping[str, float]) -> None:
        """Figures of a step, with its number as ``step``."""
        for name, value in figures.items():
            if name != "step":
                self._writer.add_scalar(name, value, int(figures["step"]))

    def show(self, preview: Preview, step: int) -> None:
        """One picture a window, the mels one above the other as named, and each one's sound."""
        names = "_over_".join(preview.mels)
        for window, mels in enumerate(zip(*preview.mels.values(), strict=True)):
            self._writer.add_image(f"{names}/{window}", _picture(mels), step)
            for name, mel in zip(preview.mels, mels, strict=True):
                sound = quick_sound(mel, preview.spec)[None]
                tag, rate_hz = f"{name}/{window}", preview.spec.rate_hz
                self._writer.add_audio(tag, sound, step, sample_rate=rate_hz)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def open_board(folder: Path, step: int) -> Board | None:
    """A board whose entries of steps after ``step`` are dropped; None without TensorBoard."""
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        log.info(
            "No TensorBoard logs: the package tensorboard is not installed "
            "(pip install 'foleyline[training]')."
        )
        return None
    return Board(SummaryWriter(str(folder), purge_step=step + 1 if step else None))


def _picture(mels: tuple[NDArray[np.float32], ...]) -> NDArray[np.uint8]:
    """Greys (1, rows, frames): low bands below, a white line between two mels."""
    line = np.ones((2, mels[0].shape[1]), np.float32)
    rows = [part for mel in mels for part in (np.clip(mel[::-1], 0, 1), line)][:-1]
    return (np.concatenate(rows)[None] * 255).astype(np.uint8)
