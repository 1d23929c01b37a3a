"""``foley shots``: where the shots of a film begin."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from itertools import pairwise
from pathlib import Path
from typing import Any

from foleyline_client.commands.generate import add_span
from foleyline_client.commands.reply import Reply
from foleyline_client.connection import Connection, add_connection
from foleyline_client.generation import clip_of
from foleyline_client.progress_line import ProgressLine
from foleyline_contract.fields import to_json


def add_shots(commands: Any) -> None:  # noqa: ANN401 - argparse has no public name for it
    """Add the command to ``foley``."""
    shots = commands.add_parser(
        "shots",
        help="find where the shots of a film begin",
        description="Looks for cuts in a clip and prints its shots, in seconds into the file. "
        "Dissolves and shots of less than half a second are not told apart.",
    )
    shots.add_argument("clip", metavar="CLIP", help="a video file")
    add_span(shots)
    shots.add_argument("--quiet", action="store_true", help="no progress")
    shots.add_argument("--json", action="store_true", help="print JSON")
    add_connection(shots)
    shots.set_defaults(run=_shots)


def _shots(options: Namespace) -> Reply:
    video = Path(options.clip).absolute()
    line = ProgressLine(None if options.quiet else sys.stderr)
    try:
        session, welcome = Connection.of(options).open_or_start(None, line.note)
        with session:
            clip = clip_of(session, welcome, video, options, line)
            line.note(f"Looking at {video.name}…")
            cuts_s = session.find_cuts(clip)
    finally:
        line.finish()
    ends_s = [clip.start_s + t_s for t_s in (0, *cuts_s, clip.duration_s)]
    if options.json:
        shots = [{"start_s": start, "end_s": end} for start, end in pairwise(ends_s)]
        return Reply((json.dumps(to_json(shots)),))
    return Reply(
        tuple(f"{float(start):10.3f} s to {float(end):10.3f} s" for start, end in pairwise(ends_s))
    )
