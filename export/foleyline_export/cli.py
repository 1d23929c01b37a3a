"""``foley-export``: a finished training run into a bundle the server runs."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("foleyline_export").setLevel(logging.INFO)
    try:
        # Only here, because the plain install has the command but not its packages.
        from foleyline_export.finished_run import RunIncomplete, export_run
        from foleyline_export.verify import VerificationError
    except ModuleNotFoundError as error:
        print(
            f"foley-export: the package {error.name!r} is not installed.\n"
            "  Install what export needs: pip install 'foleyline[export]'",
            file=sys.stderr,
        )
        return 2
    try:
        export_run(arguments.run, arguments.output, arguments.version)
    except RunIncomplete as error:
        print(
            f"foley-export: {error}\n  Finish the run with 'foley-train all' first.",
            file=sys.stderr,
        )
        return 2
    except VerificationError as error:
        print(f"foley-export: {error}\n  No bundle was written.", file=sys.stderr)
        return 1
    print(f"wrote {arguments.output}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="foley-export", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished foley-train run")
    parser.add_argument("-o", "--output", type=Path, required=True, help="bundle folder to write")
    parser.add_argument("--version", default="1", help="the bundle's version")
    return parser


if __name__ == "__main__":
    sys.exit(main())
