"""``foley-train prepare``: what it does with its arguments, and what it tells."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from foleyline_training.config import Config, load_config
from foleyline_training.prepare.clips import ClipSpec, least_pictures
from foleyline_training.prepare.errors import PrepareError
from foleyline_training.prepare.lists import Listed, read_list
from foleyline_training.prepare.prepare import INDEX, SKIPPED, ProgressLine, Request, prepare


def run(arguments: argparse.Namespace) -> str:
    """Run the command; returns what there is to tell.

    Raises:
        PrepareError: it cannot be done.
    """
    listed = read_list(arguments.csv, arguments.split) if arguments.csv else None
    if arguments.split and listed is None:
        raise PrepareError("--split says which rows of a list are wanted: give one with --csv.")
    index = prepare_for(load_config(arguments.config), arguments, arguments.output, listed)
    told = f"wrote {index['clips']} clips of {index['files']} files to {arguments.output}"
    if index["skipped"]:
        told += f"; {index['skipped']} skipped, see {arguments.output / SKIPPED}"
    if listed is not None:
        told += f"; {index['missing']} of the list missing, {index['unlisted']} not in it"
    return told


def prepare_for(
    config: Config, arguments: argparse.Namespace, output: Path, listed: Listed | None = None
) -> dict[str, Any]:
    """Prepare the videos that the arguments name; returns the index.

    Raises:
        PrepareError: it cannot be done.
    """
    if arguments.workers < 0:
        raise PrepareError("--workers is below zero.")
    spec = ClipSpec.of(config, arguments.clip_s)
    needed = least_pictures(config)
    if spec.duration_pictures < needed:
        raise PrepareError(
            f"Clips have to last {float(needed / config.picture.fps):.4g} s at least, so that a "
            f"window of the configuration {config.name!r} fits in and can be shifted."
        )
    line = ProgressLine(sys.stderr.write, live=sys.stderr.isatty())
    request = Request(
        folder=arguments.folder,
        out=output,
        spec=spec,
        listed=listed,
        shard_clips=arguments.shard_clips,
        workers=arguments.workers,
        licence=arguments.licence,
        author=arguments.author,
    )
    complete = (output / INDEX).is_file()
    index = prepare(request, line)
    if not complete:
        line.end()
    return index
