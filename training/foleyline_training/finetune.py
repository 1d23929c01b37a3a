"""Fine-tuning: a finished run's networks go on with the user's own videos, then export.

Every stage starts from the weights that it ended with and trains for less time at a lower
learning rate: Diff-Foley's experiment on EPIC-Kitchens, in small (section 4.6).
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from foleyline_contract.errors import SettingInvalid
from foleyline_training.config import RUN_CONFIG, STAGES, Config, with_settings, write_run_config
from foleyline_training.distributed import ALONE, Processes
from foleyline_training.prepare.command import prepare_for
from foleyline_training.runs import Run, train_all
from foleyline_training.start import read_start

EXTRA_WEIGHTS = ("vocoder.pt",)
"""What a run may have besides; it does not depend on the picture, and goes over as it is."""


class ExportFailed(Exception):
    """The bundle could not be written; the text says what to do."""


def finetune(
    arguments: argparse.Namespace, settings: Mapping[str, Any], processes: Processes = ALONE
) -> str:
    """Prepare, train and export; goes on where an earlier call was stopped.

    Args:
        arguments: as ``prepare.arguments.add_finetuning_arguments`` defines them.
        settings: of the configuration, changed: dotted names to values.

    Returns:
        what there is to tell.

    Raises:
        StartUnusable, PrepareError, DataUnusable, SettingInvalid, StageFailed, ExportFailed:
            the text says why.
    """
    start, output = arguments.start, arguments.output
    config = _config(read_start(start), arguments, settings)
    boards = arguments.log_dir or output / "tensorboard"
    run = Run(output, data=output / "data", boards=boards, start=start)
    if processes.is_first:
        prepare_for(config, arguments, output / "data")
        write_run_config(output, config)
        for name in EXTRA_WEIGHTS:
            if (start / name).is_file() and not (output / name).exists():
                shutil.copyfile(start / name, output / name)
    processes.wait()
    given = ["--config", str(output / RUN_CONFIG), "--run", str(output)]
    given += ["--data", str(run.data), "--start", str(start), "--log-dir", str(boards)]
    train_all(config, run, given, processes)
    if arguments.no_bundle or not processes.is_first:
        return f"trained {output}"
    bundle = arguments.bundle or output / "bundle"
    _export(output, bundle)
    return f"trained {output} and wrote the bundle {bundle}"


def finetuning(base: Config, *, name: str, videos: str, licence: str) -> Config:
    """``base`` for its networks going on with other clips.

    Args:
        name: the new bundle's.
        videos: what the clips are, for the description.
        licence: SPDX name of theirs.
    """
    tuning = base.finetune
    stages = {
        stage: replace(
            base.stages[stage],
            seconds=tuning.seconds[stage],
            learning_rate=tuning.learning_rate * base.stages[stage].learning_rate,
            warm_up_steps=tuning.warm_up_steps,
            schedule="timed-cosine",
            steps=tuning.steps.get(stage),
        )
        for stage in STAGES
    }
    return replace(
        base,
        name=name,
        description=f"{base.description}; fine-tuned on {videos}",
        licence=base.licence if base.licence == licence else f"{base.licence} AND {licence}",
        stages=stages,
    )


def _config(base: Config, arguments: argparse.Namespace, settings: Mapping[str, Any]) -> Config:
    videos = arguments.folder.resolve().name
    try:
        changed = with_settings(base, settings)
    except (KeyError, ValueError) as error:
        reason = error.args[0] if isinstance(error, KeyError) else error
        raise SettingInvalid(f"The settings cannot be used: {reason}.") from error
    plain = re.sub(r"[^a-z0-9]+", "-", videos.lower()).strip("-") or "own"
    return finetuning(
        changed,
        name=arguments.name or f"{base.name}-{plain}",
        videos=videos,
        licence=arguments.licence,
    )


def _export(run: Path, bundle: Path) -> None:
    """Write the bundle, in a process of its own: training does not know how that is done."""
    command = [sys.executable, "-m", "foleyline_export.cli", "run", str(run), "-o", str(bundle)]
    if subprocess.run(command, check=False).returncode:
        raise ExportFailed(
            f"The bundle was not written, the training is kept: "
            f"'foley-export {run} -o {bundle}' tries again."
        )
