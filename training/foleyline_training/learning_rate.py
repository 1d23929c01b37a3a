"""How fast a stage learns at each step: one curve for each name in ``stage_config.SCHEDULES``.

All curves start with a warm-up of ``warm_up_steps`` and are pure functions of where training is.
"""

from __future__ import annotations

import math

from foleyline_training.stage_config import StageConfig

FINAL_LEARNING_RATE = 0.02
"""Share of the peak learning rate that ``timed-cosine`` leaves at the end."""
FIRST_LEARNING_RATE = 1e-6
"""Share of the peak learning rate that ``constant`` starts from."""


def learning_rate(config: StageConfig, step: int, elapsed_s: float) -> float:
    """The learning rate of ``step``, counted from 0, ``elapsed_s`` into the stage.

    Raises:
        ValueError: the schedule is not known.
    """
    match config.schedule:
        case "timed-cosine":
            return timed_cosine(config, step, elapsed_s)
        case "cosine":
            return cosine(config, step)
        case "constant":
            return constant(config, step)
        case other:
            raise ValueError(f"unknown schedule {other!r}")


def timed_cosine(config: StageConfig, step: int, elapsed_s: float) -> float:
    """Linear warm-up, times a half cosine over the stage's time.

    Raises:
        ValueError: the stage has no time.
    """
    if config.seconds is None:
        raise ValueError("the timed-cosine schedule needs a number of seconds")
    progress = min(1.0, elapsed_s / config.seconds)
    decay = FINAL_LEARNING_RATE + (1 - FINAL_LEARNING_RATE) * (1 + math.cos(math.pi * progress)) / 2
    return config.learning_rate * min(1.0, (step + 1) / config.warm_up_steps) * decay


def cosine(config: StageConfig, step: int) -> float:
    """Linear warm-up, then a half cosine that reaches zero at ``config.steps``.

    Source: open_clip's cosine_lr, with which the released CAVP was trained
    (stage1_cavp/launch_script.sh: peak 8e-4, 200 steps of warm-up).
    """
    if config.steps is None:
        raise ValueError("the cosine schedule needs a number of steps")
    if step < config.warm_up_steps:
        return config.learning_rate * (step + 1) / config.warm_up_steps
    progress = (step - config.warm_up_steps) / (config.steps - config.warm_up_steps)
    return config.learning_rate * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def constant(config: StageConfig, step: int) -> float:
    """Linear warm-up from nearly nothing, then the same for ever.

    Source: LambdaLinearScheduler, with which the released latent diffusion was trained
    (diff_foley_train.yaml: peak 1e-4, 1000 steps of warm-up).
    """
    progress = min(1.0, step / config.warm_up_steps)
    return config.learning_rate * (FIRST_LEARNING_RATE + (1 - FIRST_LEARNING_RATE) * progress)
