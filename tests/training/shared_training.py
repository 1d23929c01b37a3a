"""Trains stages in a folder that has a corpus, alone or under torchrun; tests start it.

Usage: shared_training.py FOLDER STAGE,STAGE.. SETTING=VALUE.. [die=RANK:STAGE:STEP]
With ``die`` that process kills itself, as ``kill -9`` would, when the step is made.
"""

import os
import signal
import sys
from pathlib import Path

from foleyline_training import training_log
from foleyline_training.arguments import override
from foleyline_training.config import load_config
from foleyline_training.distributed import joined
from foleyline_training.runs import Run, train_stage
from foleyline_training.trainer import Trainer

TINY = Path(__file__).parent / "tiny.toml"


def train(folder: Path, stages: str, settings: dict) -> None:
    die = settings.pop("die", None)
    overrides = {f"stages.{s}.{k}": v for s in stages.split(",") for k, v in settings.items()}
    config = load_config(str(TINY), overrides)
    training_log.LOG_EVERY_STEPS = 1
    with joined() as processes:
        if die is not None and die.startswith(f"{processes.rank}:"):
            Trainer.advance = dying(*die.split(":")[1:])
        for name in stages.split(","):
            train_stage(name, config, Run(folder, folder), processes)


def dying(name: str, step: str):
    advance = Trainer.advance

    def last_steps(self, told_to_end):
        if self.stage.name == name and self.step == int(step):
            os.kill(os.getpid(), signal.SIGKILL)
        return advance(self, told_to_end)

    return last_steps


if __name__ == "__main__":
    train(Path(sys.argv[1]), sys.argv[2], dict(override(word) for word in sys.argv[3:]))
