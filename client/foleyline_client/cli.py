"""The ``foley`` command: its arguments, its exit codes, and how it tells errors."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction

from foleyline_client import launcher
from foleyline_client.generation import generate
from foleyline_client.progress_line import ProgressLine
from foleyline_contract.address import DEFAULT_ADDRESS
from foleyline_contract.errors import (
    BundleError,
    Cancelled,
    FoleyError,
    InputError,
    OutOfMemory,
    ProtocolError,
    ServerBusy,
    ServerError,
    TransportError,
)
from foleyline_contract.version import PACKAGE_VERSION

EXIT_CODES: tuple[tuple[type[FoleyError], int, str], ...] = (
    (InputError, 3, "a file or setting cannot be used"),
    (TransportError, 4, "the server cannot be reached or started"),
    (ProtocolError, 5, "client and server are of different releases"),
    (ServerBusy, 6, "the server is busy or broke"),
    (ServerError, 6, ""),
    (BundleError, 7, "a model bundle cannot be used"),
    (OutOfMemory, 8, "the device has too little memory"),
    (Cancelled, 130, "cancelled"),
)
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?(/\d{1,12})?")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``foley``; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read our output has had enough. At exit Python would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130
    except Cancelled:
        print("Cancelled.", file=sys.stderr)
        return 130
    except FoleyError as error:
        lines = [f"foley: {error.message}", error.remedy, error.detail and f"({error.detail})"]
        print("\n  ".join(line for line in lines if line), file=sys.stderr)
        return _exit_code(error)


def _exit_code(error: FoleyError) -> int:
    return next((code for kind, code, _ in EXIT_CODES if isinstance(error, kind)), 1)


def _parser() -> argparse.ArgumentParser:
    codes = [(0, "done"), (1, "any other failure"), (2, "wrong arguments")]
    codes += [(code, text) for _, code, text in EXIT_CODES if text]
    parser = argparse.ArgumentParser(
        prog="foley",
        description="Makes synchronised Foley from picture.",
        epilog="exit codes:\n" + "\n".join(f"  {code:3}  {text}" for code, text in sorted(codes)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"foley {PACKAGE_VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_generate(commands.add_parser("generate", help="make takes for a clip"))
    status = commands.add_parser("status", help="say whether a server runs, and what it offers")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(run=_status)
    stop = commands.add_parser("stop", help="end the server on this machine")
    stop.add_argument("--if-idle", action="store_true", help="not while it has jobs")
    stop.set_defaults(run=_stop)
    for command in commands.choices.values():
        command.add_argument(
            "--server", metavar="ADDRESS", default=DEFAULT_ADDRESS, help="default: %(default)s"
        )
    return parser


def _add_generate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("clip", metavar="CLIP", help="a video file")
    add("-o", "--out", metavar="WAV", help="default: <clip>-foley.wav in the working folder")
    add("--overwrite", action="store_true", help="replace files that exist")
    add("--mux", metavar="MP4", help="also write the picture with the take as its sound")
    add("--takes", type=int, default=1, help="how many; more than one are numbered (default 1)")
    add("--seed", type=int, help="the same seed gives the same take (default: random)")
    add("--start", type=_time, default=Fraction(0), metavar="S", help="seconds into the clip")
    add("--duration", type=_time, metavar="S", help="seconds (default: to the clip's end)")
    add("--fps", type=_rate, help="round both to whole frames of this rate: 24, 24000/1001")
    add("--bundle", metavar="NAME", help="an installed model bundle, or a bundle's folder")
    add("--sampler", metavar="NAME")
    add("--steps", type=int, metavar="N", help="sampler steps")
    add("--cfg-scale", type=float, metavar="X", help="classifier-free guidance")
    add("--align-scale", type=float, metavar="X", help="guidance by the alignment classifier")
    add("--vocoder", metavar="NAME", help="what turns the mel into sound")
    add("--no-start", action="store_true", help="do not start a server")
    add("--quiet", action="store_true", help="no progress")
    add("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=_generate)


def _time(text: str) -> Fraction:
    """Seconds as ``1.5``, ``3/2`` or ``1001/24000``."""
    if _NUMBER.fullmatch(text) is None or ("." in text and "/" in text):
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds, like 1.5 or 3/2")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise argparse.ArgumentTypeError(f"{text!r} divides by zero") from None


def _rate(text: str) -> Fraction:
    rate = _time(text)
    if not rate:
        raise argparse.ArgumentTypeError("a rate is above zero")
    return rate


def _generate(options: argparse.Namespace) -> int:
    summary = generate(options, ProgressLine(None if options.quiet else sys.stderr))
    if options.json:
        print(json.dumps(summary))
        return 0
    for take in summary["takes"]:
        print(f"{take['path']}  seed {take['seed']}, peak {take['peak_dbfs']:.1f} dBFS")
        if "mux" in take:
            print(take["mux"])
    return 0


def _status(options: argparse.Namespace) -> int:
    session, welcome = launcher.connect(options.server)
    with session:
        jobs = session.ping().jobs
    if options.json:
        print(json.dumps({"address": options.server, "jobs": jobs, **asdict(welcome)}))
        return 0
    print(f"Foleyline server {welcome.server_version} at {options.server}, {jobs} jobs")
    print(f"Runs on: {', '.join(welcome.providers)}")
    for bundle in welcome.bundles:
        mark = " (default)" if bundle.name == welcome.default_bundle else ""
        print(f"Bundle {bundle.name} {bundle.version}{mark}: {bundle.description}")
        print(f"  {bundle.family}, licence {bundle.licence}, sha256 {bundle.sha256[:12]}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    stopped = launcher.stop(options.server, only_if_idle=options.if_idle)
    print("Stopped." if stopped else f"No server runs at {options.server}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
