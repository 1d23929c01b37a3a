"""The lists of VGGSound and AudioSet: which files are asked for, and what is heard in them.

VGGSound's ``vggsound.csv`` has rows ``youtube_id,start_s,label,split`` without a header,
AudioSet's ``*_segments.csv`` rows ``ytid, start_s, end_s, "label,label"`` after lines that begin
with ``#``. AudioSet clips in which somebody speaks are left out, as the paper does (Diff-Foley,
section 4.1).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from foleyline_training.prepare.errors import PrepareError

SPEECH = "/m/09x0r"
"""AudioSet's label Speech."""
SPLITS = ("train", "test")
_CLIP_S = 10


@dataclass(frozen=True, slots=True)
class Listed:
    """The files a list asks for, by the stem of their name.

    Attributes:
        labels: stem to the labels of a wanted clip.
        speech: stems of clips left out because somebody speaks in them.
        clips: how many clips are wanted; each has several possible names.
    """

    labels: Mapping[str, tuple[str, ...]]
    speech: frozenset[str]
    clips: int


@dataclass(frozen=True, slots=True)
class _Row:
    stems: tuple[str, ...]
    labels: tuple[str, ...]
    split: str | None
    """None in AudioSet, which has a list for each part."""


def read_list(path: Path, split: str | None = None) -> Listed:
    """Read either list; which one it is shows in its rows.

    Args:
        split: ``train`` (VGGSound's when left out) or ``test``; AudioSet's has none.

    Raises:
        PrepareError: it is neither, or cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            table = list(csv.reader(_without_comments(stream), skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PrepareError(f"The list {path} cannot be read: {error}") from error
    labels: dict[str, tuple[str, ...]] = {}
    speech: set[str] = set()
    clips = 0
    for number, cells in enumerate(table, start=1):
        row = _row(cells)
        if row is None:
            raise PrepareError(
                f"Row {number} of {path} is none of VGGSound's (youtube_id,start,label,split) nor "
                "of AudioSet's (ytid, start, end, labels); give one of these lists with --csv."
            )
        if row.split is None and split is not None:
            raise PrepareError(
                f"{path} is a list of AudioSet, which has no splits: leave --split out and give "
                "the list of the part you want."
            )
        if row.split is None and SPEECH in row.labels:
            speech.update(row.stems)
        elif row.split in (None, split or "train"):
            clips += 1
            labels.update(dict.fromkeys(row.stems, row.labels))
    return Listed(labels, frozenset(speech), clips)


def _row(cells: list[str]) -> _Row | None:
    """A row of either list; None if it is of neither."""
    if len(cells) != 4 or (start_s := _seconds(cells[1])) is None:
        return None
    end_s = _seconds(cells[2])
    if end_s is not None:
        labels = tuple(label.strip() for label in cells[3].split(",") if label.strip())
        return _Row(_stems(cells[0], start_s, end_s), labels, None)
    if cells[3].strip() not in SPLITS:
        return None
    return _Row(_stems(cells[0], start_s, start_s + _CLIP_S), (cells[2],), cells[3].strip())


def _without_comments(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if line.strip() and not line.startswith("#"))


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e6 else None


def _stems(video: str, start_s: float, end_s: float) -> tuple[str, ...]:
    """The names under which such clips are kept: ID_000030, and ID_30000_40000 in milliseconds."""
    return (
        f"{video}_{int(start_s):06d}",
        f"{video}_{round(start_s * 1000)}_{round(end_s * 1000)}",
    )
