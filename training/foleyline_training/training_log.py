"""What a stage's training tells: figures of its steps, on the console and in files."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

log = logging.getLogger(__name__)

LOG_EVERY_STEPS = 20
CONSOLE_EVERY_STEPS = 200


class TrainingLog:
    """Figures every few steps in ``<run>/<name>.jsonl``, fewer of them on the console.

    Args:
        step: where training goes on. What an interrupted run wrote of later steps is removed,
            because they are made once more.
    """

    def __init__(self, run: Path, name: str, step: int) -> None:
        self.name, self.path = name, run / f"{name}.jsonl"
        run.mkdir(parents=True, exist_ok=True)
        _cut(self.path, step)
        self._lines: TextIO = self.path.open("a", encoding="utf-8")

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def add(self, figures: Mapping[str, float]) -> None:
        """Take the figures of a step, with its number as ``step``."""
        if figures["step"] % LOG_EVERY_STEPS == 0:
            self._lines.write(json.dumps(figures) + "\n")
            self._lines.flush()
        if figures["step"] % CONSOLE_EVERY_STEPS == 0:
            told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            log.info("%s: %s", self.name, told)


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
