"""The arguments of ``foley-train prepare``; imports nothing that the plain install lacks."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

from foleyline_training.prepare.lists import SPLITS

UNKNOWN_LICENCE = "LicenseRef-unknown"
"""In SPDX's words: somebody knows, the file does not say."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All arguments of the command."""
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="folder of videos, at any depth")
    add("-o", "--output", type=Path, required=True, metavar="DATA", help="folder to write")
    add("--config", default="mini", help="built-in name or TOML file; says what clips are like")
    add("--csv", type=Path, help="VGGSound's vggsound.csv, or a segments list of AudioSet")
    add("--split", choices=SPLITS, help="of VGGSound's list; train if left out")
    add_reading_arguments(parser)


def add_finetuning_arguments(parser: argparse.ArgumentParser) -> None:
    """All arguments of ``finetune``, which prepares first."""
    add = parser.add_argument
    add("start", type=Path, metavar="RUN", help="folder of a finished run: what to start from")
    add("folder", type=Path, metavar="DIR", help="folder of videos, at any depth")
    add("-o", "--output", type=Path, required=True, metavar="NEW", help="where to work")
    add("--name", help="the new bundle's name; the old one's and the folder's if left out")
    add("--bundle", type=Path, help="where the bundle goes; NEW/bundle if left out")
    add("--no-bundle", action="store_true", help="train only")
    add_reading_arguments(parser)


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Those that say how videos are read, whatever for."""
    add = parser.add_argument
    add("--workers", type=int, default=2, help="reading processes; 0: this one reads")
    add("--clip-s", type=_seconds, metavar="S", help="length of a clip; the configuration's else")
    add("--shard-clips", type=_count, default=128, help="clips in a shard, at most")
    add(
        "--licence",
        default=UNKNOWN_LICENCE,
        help="SPDX name of the videos' licence, for the attribution of what is trained on them",
    )
    add("--author", default="", help="whose the videos are, for the attribution")


def _seconds(text: str) -> Fraction:
    seconds = Fraction(text)
    if not 0 < seconds < 3600:
        raise argparse.ArgumentTypeError("a clip lasts more than 0 s and less than an hour")
    return seconds


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be above zero")
    return count
