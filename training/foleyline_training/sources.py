"""What a run was trained on, kept with it: for export's credits, and for fine-tuning later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from foleyline_contract.fields import from_json, to_json
from foleyline_training.data.corpus_files import ClipArrays

RUN_SOURCES = "sources.json"
_CORPUS_INDEX = "corpus/index.json"


@dataclass(frozen=True, slots=True)
class RunSources:
    """What the weights come from.

    Attributes:
        materials: what the networks have a head for, by number.
        scenes: how many scenes or clips.
        sounds: rows of the attribution table: file, licence, author, source, url.
    """

    materials: tuple[str, ...]
    scenes: int
    sounds: tuple[Mapping[str, str], ...]

    @classmethod
    def of(cls, corpus: ClipArrays, start: Path | None = None) -> RunSources:
        """What a corpus says of itself, after what the run says that weights start from."""
        before = () if start is None else read_run_sources(start).sounds
        rows = {json.dumps(dict(row), sort_keys=True): row for row in (*before, *corpus.credits)}
        return cls(tuple(corpus.materials), corpus.scenes, tuple(rows.values()))


def write_run_sources(run: Path, sources: RunSources) -> None:
    """Keep them with the run."""
    text = json.dumps(to_json(sources), indent=1) + "\n"
    (run / RUN_SOURCES).write_text(text, encoding="utf-8")


def has_run_sources(run: Path) -> bool:
    """Whether a run says what it was trained on."""
    return (run / RUN_SOURCES).is_file() or (run / _CORPUS_INDEX).is_file()


def read_run_sources(run: Path) -> RunSources:
    """What a run was trained on; ``has_run_sources`` says whether it is known."""
    path = run / RUN_SOURCES
    if path.is_file():
        return from_json(RunSources, json.loads(path.read_text(encoding="utf-8")))
    # Runs from before there were prepared videos have it in their corpus only.
    index = json.loads((run / _CORPUS_INDEX).read_text(encoding="utf-8"))
    return RunSources(tuple(index["materials"]), index.get("count", 0), tuple(index["sounds"]))
