"""What a stage's training tells: figures of its steps, on the console and in files."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from foleyline_training.board import Board
from foleyline_training.trainer import Trainer

log = logging.getLogger(__name__)

LOG_EVERY_STEPS = 20
CONSOLE_EVERY_STEPS = 200
PREVIEW_EVERY_S = 300.0


class TrainingLog:
    """Figures every few steps in ``<run>/<name>.jsonl``, fewer of them on the console.

    Args:
        trainer: where training goes on. What an interrupted run wrote of later steps is
            removed, because they are made once more.
        board: gets the same figures.
    """

    def __init__(self, run: Path, trainer: Trainer, board: Board | None = None) -> None:
        name, step = trainer.stage.name, trainer.step
        self._shown_s = trainer.elapsed_s
        self.name, self.path, self.board = name, run / f"{name}.jsonl", board
        run.mkdir(parents=True, exist_ok=True)
        _cut(self.path, step)
        self._lines: TextIO = self.path.open("a", encoding="utf-8")

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        if self.board is not None:
            self.board.close()

    def add(self, figures: Mapping[str, float]) -> None:
        """Take the figures of a step, with its number as ``step``."""
        if figures["step"] % LOG_EVERY_STEPS == 0:
            self._lines.write(json.dumps(figures) + "\n")
            self._lines.flush()
            if self.board is not None:
                self.board.add(figures)
        if figures["step"] % CONSOLE_EVERY_STEPS == 0:
            told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            log.info("%s: %s", self.name, told)

    def show_if_due(self, trainer: Trainer) -> None:
        """``show``, where that is some training ago."""
        if trainer.elapsed_s - self._shown_s >= PREVIEW_EVERY_S:
            self.show(trainer)

    def show(self, trainer: Trainer) -> None:
        """Put what the stage makes at present on the board, where there is one."""
        self._shown_s = trainer.elapsed_s
        if self.board is not None and (preview := trainer.preview()) is not None:
            self.board.show(preview, trainer.step)


def _cut(path: Path, step: int) -> None:
    """Keep the lines of steps up to ``step``; one that a kill cut short is dropped."""
    if not path.exists():
        return
    kept: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue
    draft = path.with_suffix(".part")
    draft.write_text("".join(kept), encoding="utf-8")
    draft.replace(path)
