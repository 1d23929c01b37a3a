"""``foley-export``: weights into a bundle the server runs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_COMMANDS = ("run", "diff-foley")
_EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    arguments = _parser().parse_args(_with_command(sys.argv[1:] if argv is None else argv))
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("foleyline_export").setLevel(logging.INFO)
    try:
        # Only here, because the plain install has the command but not its packages.
        from foleyline_export.fetch import FetchError
        from foleyline_export.finished_run import RunIncomplete, RunOfOtherKind
        from foleyline_export.verify import VerificationError
        from foleyline_training.weights_file import CheckpointError
    except ModuleNotFoundError as error:
        return _fail(
            f"the package {error.name!r} is not installed.",
            "Install what export needs: pip install 'foleyline[export]'",
        )
    # Its only warning is that torchvision, which nothing here uses, is not installed. Only now,
    # because torch sets its levels when it is imported.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    try:
        arguments.command(arguments)
    except RunIncomplete as error:
        return _fail(error, "Finish the run with 'foley-train all' first.")
    except (CheckpointError, FetchError, RunOfOtherKind) as error:
        return _fail(error, "No bundle was written.")
    except VerificationError as error:
        return _fail(error, "No bundle was written.", status=1)
    except OSError as error:
        return _fail(
            f"{error.filename or arguments.output}: {error.strerror or error}",
            "Make room or choose another place, then run the same command: it goes on where it "
            "stopped.",
        )
    except KeyboardInterrupt:
        return _fail(
            "interrupted.", "The same command goes on where it stopped.", status=_EXIT_INTERRUPTED
        )
    print(f"wrote {arguments.output}")
    return 0


def _with_command(argv: Sequence[str]) -> list[str]:
    """``foley-export RUN -o BUNDLE`` is short for ``foley-export run RUN -o BUNDLE``."""
    first = argv[0] if argv else "--help"
    return [*argv] if first in (*_COMMANDS, "-h", "--help") else ["run", *argv]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="foley-export", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="a finished foley-train run")
    run.add_argument("run", type=Path, help="folder of a finished foley-train run")
    run.set_defaults(command=_export_run)
    official = commands.add_parser(
        "diff-foley",
        help="the released Diff-Foley weights",
        description="The released Diff-Foley weights, from files or from the model hub.",
    )
    add = official.add_argument
    add("--fetch", action="store_true", help="download what is not named (5 GB, licence MIT)")
    add("--cavp", type=Path, metavar="FILE", help="cavp_epoch66.ckpt")
    add("--ldm", type=Path, metavar="FILE", help="ldm_epoch240.ckpt")
    add("--classifier", type=Path, metavar="FILE", help="double_guidance_classifier.ckpt")
    add("--evaluation", type=Path, metavar="FILE", help="eval_classifier.ckpt; adds its graph")
    add(
        "--precision",
        choices=("fp32", "fp16"),
        default="fp32",
        help="fp16 for graphics cards, half the size; fp32 (default) for processors",
    )
    add(
        "--aligner-condition",
        choices=("raw", "encoded"),
        default="raw",
        help="what the alignment classifier reads: raw features as the released sampler feeds it "
        "(default), or encoded ones as it was trained",
    )
    add("--name", default="diff-foley", help="the bundle's name, default diff-foley")
    official.set_defaults(command=_export_official)
    for command in (run, official):
        command.add_argument(
            "-o", "--output", type=Path, required=True, help="bundle folder to write"
        )
        command.add_argument("--version", default="1", help="the bundle's version")
    return parser


def _export_run(arguments: argparse.Namespace) -> None:
    from foleyline_export.finished_run import export_run

    export_run(arguments.run, arguments.output, arguments.version, _print_parity)


def _export_official(arguments: argparse.Namespace) -> None:
    from foleyline_export.official import Request, export_official

    named = {name: getattr(arguments, name) for name in ("cavp", "ldm", "classifier")}
    if arguments.fetch:
        named = {**_fetched(), **{name: path for name, path in named.items() if path}}
    elif missing := [f"--{name}" for name, path in named.items() if path is None]:
        _parser().error(f"diff-foley needs {', '.join(missing)}, or --fetch")
    request = Request(
        **named,
        evaluation=arguments.evaluation,
        precision=arguments.precision,
        aligner_condition=arguments.aligner_condition,
        name=arguments.name,
        version=arguments.version,
    )
    export_official(request, arguments.output, _print_parity)


def _fetched() -> dict[str, Path]:
    from foleyline_export.fetch import fetch, look_up

    offer = look_up()
    print(offer, flush=True)
    return fetch(offer)


def _print_parity(graph: str, report: Mapping[str, Any]) -> None:
    from foleyline_export.parity import parity_lines

    for line in parity_lines(graph, report):
        print(line, flush=True)


def _fail(text: object, remedy: str, status: int = 2) -> int:
    print(f"foley-export: {text}\n  {remedy}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
