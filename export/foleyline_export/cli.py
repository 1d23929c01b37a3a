"""``foley-export``: a finished training run into a bundle the server runs."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from foleyline_export.graphs.mini import graph_specs
from foleyline_export.verify import VerificationError
from foleyline_export.write_bundle import write_bundle
from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.config import STAGES, Config, load_config
from foleyline_training.models.cavp import VIDEO_MARGIN

DESCRIPTION = "Small model trained on rendered scenes with freely licensed one-shot sounds"
LICENCE = "CC-BY-3.0"


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("foleyline_export").setLevel(logging.INFO)
    run: Path = arguments.run
    missing = [f"{name}.pt" for name in STAGES if not (run / f"{name}.pt").is_file()]
    if missing:
        print(
            f"foley-export: {run} lacks {', '.join(missing)}.\n"
            "  Finish the run with 'foley-train all' first.",
            file=sys.stderr,
        )
        return 2
    try:
        export_run(load_config(arguments.config), run, arguments.output, arguments.version)
    except VerificationError as error:
        print(f"foley-export: {error}\n  No bundle was written.", file=sys.stderr)
        return 1
    print(f"wrote {arguments.output}")
    return 0


def export_run(config: Config, run: Path, output: Path, version: str) -> None:
    """Write the bundle of a finished run to ``output``."""
    index: dict[str, Any] = json.loads((run / "corpus" / "index.json").read_text())
    stages = {name: load_checkpoint(run / f"{name}.pt") for name in STAGES}
    write_bundle(
        output,
        name=config.name,
        version=version,
        description=DESCRIPTION,
        licence=LICENCE,
        model=config.model_spec(
            scale_factor=stages["diffusion"]["extra"]["scale_factor"], margin=VIDEO_MARGIN
        ),
        graphs=graph_specs(config, run, len(index["materials"])),
        credits=index["sounds"],
        training={
            "materials": index["materials"],
            "scenes": config.corpus.scenes,
            "steps": {name: stage["steps"] for name, stage in stages.items()},
        },
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="foley-export", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished foley-train run")
    parser.add_argument("-o", "--output", type=Path, required=True, help="bundle folder to write")
    parser.add_argument("--config", default="mini", help="the run's configuration")
    parser.add_argument("--version", default="1", help="the bundle's version")
    return parser


if __name__ == "__main__":
    sys.exit(main())
