"""What ``foley-train`` can be told; ``prepare/arguments.py`` has the rest."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from foleyline_training.config import OPTIONAL_STAGES, STAGES
from foleyline_training.prepare.arguments import add_arguments, add_finetuning_arguments

DESCRIPTION = "From a folder of licensed sounds to trained weights."


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    made = argparse.ArgumentParser(prog="foley-train", description=DESCRIPTION)
    made.set_defaults(data=None, start=None, autoencoder=None, init=[], also=[])
    commands = made.add_subparsers(dest="command", required=True)
    everything = commands.add_parser("all", help="render the corpus and train every stage")
    corpus = commands.add_parser("corpus", help="render the corpus only")
    stage = commands.add_parser("stage", help="train one stage")
    stage.add_argument("stage", choices=(*STAGES, *OPTIONAL_STAGES))
    stage.add_argument("--end-with-parent", action="store_true", help=argparse.SUPPRESS)
    add_arguments(
        commands.add_parser("prepare", help="cut a folder of videos into clips to train on")
    )
    _add_rigid(commands.add_parser("rigid", help="make scenes in three dimensions with Blender"))
    finetune = commands.add_parser(
        "finetune", help="go on from a finished run with a folder of videos, and export"
    )
    add_finetuning_arguments(finetune)
    for command in (everything, corpus, stage):
        _add_run(command, trains=command is not corpus)
    for command in (everything, corpus):
        command.add_argument(
            "--also",
            type=Path,
            action="append",
            default=[],
            metavar="CORPUS",
            help="train on another corpus, too, such as one of 'rigid'; twice: it counts twice",
        )
    for command in (everything, corpus, stage, finetune):
        command.add_argument(
            "--log-dir", type=Path, help="where TensorBoard's logs go; RUN/tensorboard if left out"
        )
        command.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="override a setting, for example stages.cavp.seconds=60",
        )
    return made


def _add_run(command: argparse.ArgumentParser, trains: bool) -> None:
    command.add_argument("--config", default="mini", help="built-in name or TOML file")
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--sounds", type=Path, help="folder with LICENSES.csv")
    if trains:
        source.add_argument("--data", type=Path, help="folder that 'prepare' has written")
        command.add_argument("--start", type=Path, help="finished run to start from")
        command.add_argument(
            "--autoencoder",
            type=Path,
            help="Stable Diffusion's, for the paper's networks",
        )
        command.add_argument(
            "--init",
            action="append",
            default=[],
            metavar="STAGE=FILE",
            help="first weights of a stage, or of cavp.video or cavp.sound",
        )
    command.add_argument("--run", type=Path, default=Path("runs/mini"), help="where to work")
    command.add_argument("--workers", type=int, default=2, help="rendering processes")


def _add_rigid(command: argparse.ArgumentParser) -> None:
    command.add_argument("--count", type=int, required=True, help="how many scenes")
    command.add_argument("--sounds", type=Path, required=True, help="folder with LICENSES.csv")
    command.add_argument("--out", type=Path, required=True, help="folder for the scenes")
    command.add_argument("--bpy", type=Path, required=True, help="a Python that has bpy")
    command.add_argument(
        "--split", choices=("unseen", "training"), default="unseen", help="objects and sounds"
    )
    command.add_argument("--files", action="store_true", help="keep the scenes as video files")
    command.add_argument("--start-seed", type=int, default=0)
    command.add_argument("--size-px", type=int, help="of the pictures; mini's if left out")
    command.add_argument("--render-px", type=int, help="size before it is scaled")
    command.add_argument("--samples", type=int, default=3, help="rays a pixel")


def override(text: str) -> tuple[str, Any]:
    """A setting's name and value from NAME=VALUE; what reads like a number is one."""
    name, _, value = text.partition("=")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def same_run(arguments: argparse.Namespace) -> list[str]:
    """Arguments that give a child process the same run."""
    given = ["--config", arguments.config, "--run", str(arguments.run)]
    for option in ("data", "sounds", "log-dir", "start", "autoencoder"):
        if place := getattr(arguments, option.replace("-", "_")):
            given += [f"--{option}", str(place)]
    given += [word for text in arguments.init for word in ("--init", text)]
    return given + [word for text in arguments.set for word in ("--set", text)]
