"""``foley fetch``: takes of jobs that were left to the server."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path, PurePath
from typing import Any

from foleyline_client.audio_file import unique_path
from foleyline_client.commands.generate import take_line
from foleyline_client.commands.reply import Reply
from foleyline_client.connection import Connection, add_connection
from foleyline_client.generation import TakeWriter
from foleyline_client.job_table import find_jobs, label_of
from foleyline_client.job_watch import JobWatch, wait_again
from foleyline_client.outputs import numbered
from foleyline_client.progress_line import ProgressLine
from foleyline_client.session import Session
from foleyline_contract.errors import Cancelled, FoleyError, OutputUnwritable, TransportError
from foleyline_contract.messages import JobInfo

_FORBIDDEN = set('<>:"/\\|?*')
"""In file names, on one system or another."""
_STEM_CHARS = 80


def add_fetch(commands: Any) -> None:  # noqa: ANN401 - argparse has no public name for it
    """Add the command to ``foley``."""
    fetch = commands.add_parser(
        "fetch",
        help="write the takes of jobs that were left to the server",
        description="Writes takes as WAV files, waiting for those that are not finished. "
        "The server may drop them afterwards.",
    )
    fetch.add_argument(
        "job", nargs="+", metavar="JOB", help="an id, or as much of it as means one job"
    )
    fetch.add_argument("-o", "--out", metavar="DIR", default=".", help="default: working folder")
    fetch.add_argument("--keep", action="store_true", help="let the server keep them")
    fetch.add_argument("--quiet", action="store_true", help="no progress")
    fetch.add_argument("--json", action="store_true", help="print the result as JSON")
    add_connection(fetch)
    fetch.set_defaults(run=_fetch)


def _fetch(options: Namespace) -> Reply:
    folder = Path(options.out).absolute()
    if not folder.is_dir():
        raise OutputUnwritable(
            f"There is no folder {str(folder)!r}.", remedy="Make it, or choose another."
        )
    line = ProgressLine(None if options.quiet else sys.stderr)
    fetched: list[dict[str, Any]] = []
    first_error: FoleyError | None = None
    try:
        with Connection.of(options).open() as session:
            watch = JobWatch(session, wait_again(options.server, line), line)
            for info in find_jobs(session.all_jobs(), options.job):
                try:
                    fetched += _fetch_one(session, watch, info, folder, line, keep=options.keep)
                except (TransportError, OutputUnwritable):
                    raise
                except FoleyError as error:  # of this job; the others have their own ends
                    line.say(f"{label_of(info)}: {error.message}")
                    first_error = first_error or error
    finally:
        line.finish()
    if first_error is not None and not fetched:
        raise first_error
    if options.json:
        return Reply((json.dumps(fetched),))
    return Reply(tuple(map(take_line, fetched)))


def _fetch_one(
    session: Session,
    watch: JobWatch,
    info: JobInfo,
    folder: Path,
    line: ProgressLine,
    *,
    keep: bool,
) -> list[dict[str, Any]]:
    """Write one job's takes; those that were finished of one that failed, too."""
    stem = _stem(label_of(info))
    files = numbered(str(folder / f"{stem}-foley.wav"), info.request.settings.takes)
    writer = TakeWriter([unique_path(path) for path in files], line, overwrite=False)
    session.attach([info.job_id])
    try:
        for envelope in watch.events(info.job_id):
            writer.hear(envelope)
    except (TransportError, OutputUnwritable):
        raise
    except FoleyError as error:
        if not writer.takes:
            raise
        line.say(f"{stem}: {'cancelled' if isinstance(error, Cancelled) else error.message}")
    if not keep:
        session.forget([info.job_id])
    return [{"job_id": info.job_id, **take} for take in writer.takes]


def _stem(label: str) -> str:
    """A file's name without its ending, from what the artist calls the strip."""
    kept = "".join("-" if c in _FORBIDDEN or not c.isprintable() else c for c in label)
    return PurePath(kept.strip(" .") or "take").stem[:_STEM_CHARS]
