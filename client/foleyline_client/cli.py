"""The ``foley`` command: its parts, its exit codes, and how it tells errors."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from foleyline_client.commands.doctor import add_doctor
from foleyline_client.commands.fetch import add_fetch
from foleyline_client.commands.generate import add_generate
from foleyline_client.commands.jobs import add_jobs
from foleyline_client.commands.reply import Reply
from foleyline_client.commands.server import add_server
from foleyline_client.commands.shots import add_shots
from foleyline_contract.errors import (
    BundleError,
    Cancelled,
    FoleyError,
    InputError,
    OutOfMemory,
    ProtocolError,
    ServerBusy,
    ServerError,
    StorageFailed,
    TransportError,
)
from foleyline_contract.version import PACKAGE_VERSION

EXIT_CODES: tuple[tuple[type[FoleyError], int, str], ...] = (
    (InputError, 3, "a file or setting cannot be used"),
    (TransportError, 4, "the server cannot be reached or started"),
    (ProtocolError, 5, "client and server are of different releases"),
    (ServerBusy, 6, "the server is busy, broke or has no room on its disk"),
    (ServerError, 6, ""),
    (StorageFailed, 6, ""),
    (BundleError, 7, "a model bundle cannot be used"),
    (OutOfMemory, 8, "the device has too little memory"),
    (Cancelled, 130, "cancelled"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``foley``; returns the exit code."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="foley: %(message)s")
    try:
        reply: Reply = options.run(options)
        for line in reply.lines:
            print(line)
        sys.stdout.flush()
        return reply.code
    except BrokenPipeError:
        # Whoever read our output has had enough. At exit Python would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, Cancelled):
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
    for add in (add_generate, add_fetch, add_jobs, add_shots, add_server, add_doctor):
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
