"""The training loop, the same for every stage, readable top to bottom.

A stage says what its networks are and what the loss of a step is. The trainer adds the
optimiser, the learning rate and the moving average; the loop adds the log and the
checkpoints. It runs for a stated time of training, counted over restarts, so a stage ends
when promised on any machine; a configuration can also limit the steps.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

from foleyline_contract.errors import SettingInvalid
from foleyline_training.board import open_board
from foleyline_training.checkpoints import load_newest, remove_checkpoint, save_checkpoint
from foleyline_training.distributed import ALONE, Processes
from foleyline_training.interrupts import Interrupted, Interrupts
from foleyline_training.stage_config import StageConfig
from foleyline_training.trainer import Stage, Trainer
from foleyline_training.training_log import TrainingLog

log = logging.getLogger(__name__)


def train(
    stage: Stage,
    config: StageConfig,
    run: Path,
    seed: int,
    *,
    processes: Processes = ALONE,
    board: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """Train ``stage`` until its time or its steps are up, from its checkpoint on if there is one.

    Args:
        processes: those that train together; all call this, the first one writes.
        board: a folder for TensorBoard; none for no such logs.
        clock: seconds that never go back; tests bring their own.

    Returns:
        The finished weights: ``<run>/<name>.pt`` with keys ``weights`` (moving average) and
        ``extra``.

    Raises:
        Interrupted: told to end by a signal; the checkpoint is written.
        SettingInvalid: the configuration cannot be trained here, or not from this checkpoint.
    """
    done, resume = run / f"{stage.name}.pt", run / f"{stage.name}.resume.pt"
    if done.exists():
        log.info("%s: already trained", stage.name)
        return done
    torch.manual_seed(seed)
    trainer = Trainer(stage, config, seed, processes, clock)
    _go_on(trainer, resume)
    with _log_of(trainer, run, board) as told, Interrupts() as interrupts:
        saved = clock()
        while not (trainer.finished or trainer.interrupted):
            figures = trainer.advance(interrupts.is_asked)
            if told is not None:
                told.add(figures)
                told.show_if_due(trainer)
            if clock() - saved > config.checkpoint_every_s:
                _save(trainer, resume)
                saved = clock()
        if trainer.finished:
            _finish(trainer, told, done, resume)
            return done
        _save(trainer, resume)
        processes.wait()  # The launcher may end them all once one has ended.
    raise Interrupted(
        f"{stage.name}: stopped after step {trainer.step}; the same command goes on from there."
    )


def _go_on(trainer: Trainer, resume: Path) -> None:
    state = load_newest(resume)
    if state is not None:
        trainer.load(state)
        log.info("%s: going on from step %d", trainer.stage.name, trainer.step)
    if trainer.processes.mean(trainer.step)[0] != trainer.step:
        raise SettingInvalid(
            "The processes do not find the same checkpoint.",
            remedy="Let all machines work in one run folder, on a disk they share.",
        )


def _log_of(
    trainer: Trainer, run: Path, board: Path | None
) -> AbstractContextManager[TrainingLog | None]:
    if not trainer.processes.is_first:
        return nullcontext()
    opened = None if board is None else open_board(board, trainer.step)
    return TrainingLog(run, trainer, opened)


def _save(trainer: Trainer, resume: Path) -> None:
    if trainer.processes.is_first:
        save_checkpoint(resume, trainer.state(), keep_last=True)


def _finish(trainer: Trainer, told: TrainingLog | None, done: Path, resume: Path) -> None:
    """Keep the averaged weights, in the network too, and drop what is only for going on."""
    stage = trainer.stage
    if told is not None:
        told.show(trainer)
    stage.network.load_state_dict(trainer.average)
    if trainer.processes.is_first:
        weights = {name: value.cpu() for name, value in trainer.average.items()}
        save_checkpoint(
            done, {"weights": weights, "extra": stage.extra_state(), "steps": trainer.step}
        )
        remove_checkpoint(resume)
    trainer.processes.wait()  # Whatever comes next reads the file.
