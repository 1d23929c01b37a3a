"""A bundle in the making: finished graphs survive an interruption.

The draft lies beside the bundle it will become. It is taken up again only for the very same
inputs; a graph counts as finished when its files have the hashes noted after it was verified.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foleyline_contract.bundle import file_sha256

log = logging.getLogger(__name__)
_KEY_NAME = "draft.key"
_WORKSHOP_NAME = "workshop"
_DONE_SUFFIX = ".done.json"


@dataclass(frozen=True, slots=True)
class Draft:
    """The folder ``.NAME.part`` beside a bundle."""

    folder: Path

    @classmethod
    def open(cls, target: Path, key: str) -> Draft:
        """The draft of ``target`` made from the inputs that ``key`` stands for; maybe empty."""
        folder = target.with_name(f".{target.name}.part")
        note = folder / _KEY_NAME
        if folder.exists() and not (note.is_file() and note.read_text(encoding="utf-8") == key):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(key, encoding="utf-8")
        return cls(folder)

    def finished(self, graph: str) -> Mapping[str, Any] | None:
        """The parity report of a graph that was finished before."""
        note = self._note(graph)
        if not note.is_file():
            return None
        done: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        for name, sha256 in done["files"].items():
            path = self.folder / name
            if not path.is_file() or file_sha256(path) != sha256:
                return None
        log.info("%s: finished before, taken over", graph)
        return done["parity"]

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """An empty folder for what is not finished yet."""
        work = self.folder / _WORKSHOP_NAME
        shutil.rmtree(work, ignore_errors=True)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def finish(self, graph: str, files: Iterable[Path], parity: Mapping[str, Any]) -> None:
        """Take in a graph's files, complete and verified, from the workshop."""
        kept = [path.rename(self.folder / path.name) for path in files]
        hashes = {path.name: file_sha256(path) for path in kept}
        text = json.dumps({"files": hashes, "parity": parity})
        note = self._note(graph)
        draft = note.with_suffix(".new")
        draft.write_text(text, encoding="utf-8")
        draft.replace(note)

    def hashes(self) -> dict[str, str]:
        """Name to sha256 of every file that belongs into the bundle."""
        known: dict[str, str] = {}
        for note in self.folder.glob(f"*{_DONE_SUFFIX}"):
            known.update(json.loads(note.read_text(encoding="utf-8"))["files"])
        files = (path for path in self.folder.iterdir() if not _is_note(path))
        return {path.name: known.get(path.name) or file_sha256(path) for path in sorted(files)}

    def publish(self, target: Path) -> None:
        """Become the bundle: two renames, so never a folder half old, half new."""
        for path in [*self.folder.iterdir()]:
            if _is_note(path):
                path.unlink()
        if not target.exists():
            self.folder.rename(target)
            return
        old = self.folder.with_name(f"{self.folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        self.folder.rename(target)
        shutil.rmtree(old)

    def discard(self) -> None:
        """Remove the draft."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _note(self, graph: str) -> Path:
        return self.folder / f"{graph}{_DONE_SUFFIX}"


def _is_note(path: Path) -> bool:
    return path.name == _KEY_NAME or path.name.endswith((_DONE_SUFFIX, ".new"))
