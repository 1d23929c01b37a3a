"""``foley generate``."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from fractions import Fraction
from typing import Any

from foleyline_client.clip_span import rate, seconds
from foleyline_client.commands.reply import Reply
from foleyline_client.connection import add_connection
from foleyline_client.generation import generate
from foleyline_client.progress_line import ProgressLine
from foleyline_contract.messages import VARIATION
from foleyline_contract.palette import PALETTE_AUTO
from foleyline_contract.quality import QUALITIES

_EXAMPLES = """examples:
  foley generate door.mp4
  foley generate door.mp4 --takes 4 --quality draft
  foley generate door.mp4 --like 4711 --variation 0.3 --takes 4
  foley generate door.mp4 --palette wood
  foley generate reel.mov --start 62.5 --duration 8 --fps 24 --loudness -23 -o steps.wav
"""


def add_generate(commands: Any) -> None:  # noqa: ANN401 - argparse has no public name for it
    """Add the command to ``foley``."""
    parser: ArgumentParser = commands.add_parser(
        "generate",
        help="make takes for a clip",
        description="Makes synchronised sound for a clip and writes it as WAV files.\n"
        "The server keeps the job: should the line or the server be lost, it goes on.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("clip", metavar="CLIP", help="a video file")
    add("-o", "--out", metavar="WAV", help="default: <clip>-foley.wav in the working folder")
    add("--overwrite", action="store_true", help="replace files that exist")
    add("--mux", metavar="MP4", help="also write the picture with the take as its sound")
    add("--takes", type=int, default=1, help="how many; more than one are numbered (default 1)")
    add("--seed", type=int, help="the same seed gives the same take (default: random)")
    add("--like", type=int, metavar="SEED", help="make variations of the take with this seed")
    add(
        "--variation", type=float, metavar="X",
        help=f"how far from it, above 0 to 1 (default {VARIATION})",
    )  # fmt: skip
    add_span(parser)
    _add_model(parser)
    run = parser.add_argument_group("running")
    run.add_argument("--batch", action="store_true", help="let jobs that somebody waits for pass")
    run.add_argument(
        "--detach", action="store_true",
        help="leave the job to the server and print its id, for 'foley fetch'",
    )  # fmt: skip
    run.add_argument("--no-start", action="store_true", help="do not start a server")
    run.add_argument("--quiet", action="store_true", help="no progress")
    run.add_argument("--json", action="store_true", help="print the result as JSON")
    add_connection(parser)
    parser.set_defaults(run=_run)


def add_span(parser: ArgumentParser) -> None:
    """Let a command be about a stretch of its clip."""
    add = parser.add_argument_group("stretch of the clip").add_argument
    add("--start", type=seconds, default=Fraction(0), metavar="S", help="seconds into the clip")
    add("--duration", type=seconds, metavar="S", help="seconds (default: to the clip's end)")
    add("--fps", type=rate, help="round both to whole frames of this rate: 24, 24000/1001")


def _add_model(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("model and sound")
    add = group.add_argument
    add("--bundle", metavar="NAME", help="an installed model bundle, or a bundle's folder")
    add(
        "--palette", metavar="SOUND",
        help="what it shall sound like, one of the bundle's sounds ('foley status' lists them; "
        f"default: {PALETTE_AUTO}, what the picture suggests)",
    )  # fmt: skip
    steps = group.add_mutually_exclusive_group()
    steps.add_argument("--quality", choices=QUALITIES, help="how many sampler steps, in a word")
    steps.add_argument("--steps", type=int, metavar="N", help="sampler steps")
    add("--sampler", metavar="NAME")
    add("--cfg-scale", type=float, metavar="X", help="classifier-free guidance")
    add("--align-scale", type=float, metavar="X", help="guidance by the alignment classifier")
    add("--vocoder", metavar="NAME", help="what turns the mel into sound")
    add(
        "--loudness", type=float, metavar="LUFS",
        help="bring takes to this loudness, such as -23 (default: as they come)",
    )  # fmt: skip


def _run(options: Namespace) -> Reply:
    summary = generate(options, ProgressLine(None if options.quiet else sys.stderr))
    if options.json:
        return Reply((json.dumps(summary),))
    if options.detach:
        return Reply((summary["job_id"],))
    lines: list[str] = []
    for take in summary["takes"]:
        lines.append(take_line(take))
        if "mux" in take:
            lines.append(take["mux"])
    return Reply(tuple(lines))


def take_line(take: dict[str, Any]) -> str:
    """A take in a line: its file, its seed, how it measures."""
    said = [f"seed {take['seed']}", f"peak {take['peak_dbfs']:.1f} dBFS"]
    if take["loudness_lufs"] is not None:
        said.append(f"{take['loudness_lufs']:.1f} LUFS")
    said += [flag.replace("_", " ") for flag in take["flags"]]
    return f"{take['path']}  {', '.join(said)}"
