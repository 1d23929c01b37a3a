"""``foley-train``: from a folder of licensed sounds to trained weights."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foleyline_contract.errors import FoleyError
from foleyline_training.arguments import override, parser, same_run
from foleyline_training.config import Config, load_config

if TYPE_CHECKING:
    from foleyline_training.distributed import Processes
    from foleyline_training.runs import Run


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    arguments = parser().parse_args(argv)
    try:
        # Only here, because the plain install has the command but not its packages.
        if arguments.command == "prepare":
            return _prepare(arguments)
        if arguments.command == "rigid":
            return _make_rigid(arguments)
        from foleyline_training.runs import Run
    except ModuleNotFoundError as error:
        print(
            f"foley-train: the package {error.name!r} is not installed.\n"
            "  Install what training needs: pip install 'foleyline[training]'",
            file=sys.stderr,
        )
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    settings = dict(override(text) for text in arguments.set)
    if arguments.command == "finetune":
        return _carry_out(lambda processes: _finetune(arguments, settings, processes))
    try:
        config = load_config(arguments.config, settings)
    except (KeyError, ValueError, OSError) as error:
        reason = error.args[0] if isinstance(error, KeyError) else error
        print(f"foley-train: {arguments.config} cannot be used: {reason}", file=sys.stderr)
        return 2
    run = Run(*_places(arguments))
    if run.also and not run.sounds:
        print(
            "foley-train: --also adds to a corpus that is rendered, so it goes with --sounds.",
            file=sys.stderr,
        )
        return 2
    if run.sounds and not _has_table(run.sounds):
        return 2
    given = not config.networks.is_mini and arguments.command == "stage"
    if given and arguments.stage == "autoencoder":
        return _carry_out(lambda processes: _train(arguments, config, run, processes))
    if arguments.command == "stage" and arguments.stage not in config.stages:
        print(
            f"foley-train: the configuration {arguments.config} has no stage "
            f"{arguments.stage!r}.\n  Give it a section [stages.{arguments.stage}].",
            file=sys.stderr,
        )
        return 2
    return _carry_out(lambda processes: _train(arguments, config, run, processes))


def _places(arguments: argparse.Namespace) -> tuple[Any, ...]:
    """What a Run is made of."""
    init = (text.partition("=") for text in arguments.init)
    return (
        arguments.run,
        arguments.sounds,
        arguments.workers,
        arguments.data,
        arguments.log_dir or arguments.run / "tensorboard",
        arguments.start,
        arguments.autoencoder,
        {part: Path(file) for part, _, file in init},
        arguments.also,
    )


def _carry_out(work: Callable[[Processes], None]) -> int:
    from foleyline_training import distributed, finetune, interrupts, runs, start
    from foleyline_training.corpus.join import CorporaDiffer
    from foleyline_training.prepare.errors import PrepareError
    from foleyline_training.weights_file import CheckpointError

    processes = distributed.ALONE
    try:
        with interrupts.sigterm_as_ctrl_c(), distributed.joined() as processes:
            if not processes.is_first:
                logging.getLogger().setLevel(logging.WARNING)
            work(processes)
    except (
        runs.TimbreLost,
        runs.StageFailed,
        CorporaDiffer,
        finetune.ExportFailed,
        FoleyError,
        FloatingPointError,
        CheckpointError,
    ) as error:
        print(f"foley-train: {error}", file=sys.stderr)
        return 1
    except (runs.DataUnusable, start.StartUnusable, PrepareError) as error:
        print(f"foley-train: {error}", file=sys.stderr)
        return 2
    except (interrupts.Interrupted, KeyboardInterrupt) as error:
        # Every process raises it; the first speaks for all.
        if processes.is_first:
            print(
                f"foley-train: {str(error) or 'stopped; the same command goes on.'}",
                file=sys.stderr,
            )
        return 130
    return 0


def _train(arguments: argparse.Namespace, config: Config, run: Run, processes: Processes) -> None:
    from foleyline_training import runs

    match arguments.command:
        case "corpus":
            runs.render(config, run)
        case "stage":
            if arguments.end_with_parent:
                runs.end_with_parent()
            runs.train_stage(arguments.stage, config, run, processes)
        case _:
            runs.train_all(config, run, same_run(arguments), processes)


def _finetune(
    arguments: argparse.Namespace, settings: dict[str, Any], processes: Processes
) -> None:
    from foleyline_training.finetune import finetune

    told = finetune(arguments, settings, processes)
    if processes.is_first:
        print(told)


def _prepare(arguments: argparse.Namespace) -> int:
    from foleyline_training.prepare.command import run
    from foleyline_training.prepare.errors import PrepareError

    try:
        print(run(arguments))
    except PrepareError as error:
        print(f"foley-train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nfoley-train: interrupted; the same command goes on.", file=sys.stderr)
        return 130
    return 0


def _has_table(sounds: Path) -> bool:
    """Whether the folder of sounds has its licence table; says what to do if not."""
    if (sounds / "LICENSES.csv").is_file():
        return True
    print(
        f"foley-train: {sounds} holds no LICENSES.csv.\n"
        "  Point --sounds at a folder of sounds with a licence table; docs/training.md "
        "says what is in it.",
        file=sys.stderr,
    )
    return False


def _make_rigid(arguments: argparse.Namespace) -> int:
    from foleyline_training.corpus.rigid.blender import Blender, BlenderError
    from foleyline_training.corpus.rigid.shard import Rendering, generate_rigid
    from foleyline_training.corpus.shards import CorpusSpec
    from foleyline_training.corpus.sounds import SoundLibrary, SoundTableError
    from foleyline_training.corpus.split import Split

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if not _has_table(arguments.sounds):
        return 2
    size_px = arguments.size_px or CorpusSpec().size_px
    spec = CorpusSpec(size_px=size_px, split=Split(arguments.split))
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        # Blender first: that it is not there is known soonest.
        with Blender(arguments.bpy, arguments.out / "blender.log") as blender:
            generate_rigid(
                spec,
                Rendering(arguments.render_px or size_px, arguments.samples, arguments.files),
                start_seed=arguments.start_seed,
                count=arguments.count,
                folder=arguments.out,
                library=SoundLibrary(arguments.sounds, spec.rate_hz),
                blender=blender,
            )
    except (BlenderError, SoundTableError, OSError, ValueError) as error:
        print(f"foley-train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nfoley-train: interrupted; the same command goes on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
