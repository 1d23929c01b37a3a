"""How one stage is trained: its batch, its optimiser, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

PRECISIONS = ("float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda")
DECAYS = ("matrices", "all")
SCHEDULES = ("timed-cosine", "cosine", "constant")
"""Curves of the learning rate; learning_rate.py says how they go."""


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One stage's training: it ends with its time, its steps or its epochs, what comes first.

    Attributes:
        seconds: of training time, counted over restarts.
        learning_rate: its peak.
        ema: share of the average of the weights that a step keeps; 0 for no average.
        schedule: the curve it follows.
        warm_up_steps: how many steps it takes to reach the peak.
        steps: the stage ends after so many even if time is left.
        epochs: steps said as passes over all videos; ``over`` turns them into steps.
        batch: rows of a step, over all processes and parts.
        accumulate: parts a step is worked through in, one after the other, to need less memory.
        precision: what the networks compute in; weights and losses are float32 always.
        device: ``auto`` takes a graphics card where there is one.
        checkpoint_every_s: at most so much training is lost when it is killed.
        betas: of AdamW.
        decays: weights that shrink; ``matrices`` leaves out biases, norms and scalars.
        gradient_norm_max: longer gradients are cut to this; 0 for never.
    """

    batch: int
    learning_rate: float
    weight_decay: float
    ema: float
    seconds: float | None = None
    schedule: str = "timed-cosine"
    warm_up_steps: int = 100
    steps: int | None = None
    epochs: int | None = None
    accumulate: int = 1
    precision: str = "float32"
    device: str = "auto"
    checkpoint_every_s: float = 60.0
    betas: tuple[float, ...] = (0.9, 0.99)
    decays: str = "matrices"
    gradient_norm_max: float = 1.0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}, not one of {PRECISIONS}")
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}, not one of {DEVICES}")
        if self.accumulate < 1 or self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} does not fall into {self.accumulate} parts")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule is {self.schedule!r}, not one of {SCHEDULES}")
        if self.warm_up_steps < 1:
            raise ValueError("warm_up_steps is below one")
        if self.decays not in DECAYS:
            raise ValueError(f"decays is {self.decays!r}, not one of {DECAYS}")
        if len(self.betas) != 2:
            raise ValueError("betas are two numbers")
        for name, value in (("steps", self.steps), ("epochs", self.epochs)):
            if value is not None and value < 1:
                raise ValueError(f"{name} is below one")
        if self.seconds is None and self.steps is None and self.epochs is None:
            raise ValueError("a stage needs seconds, steps or epochs, or it never ends")
        if self.schedule == "timed-cosine" and self.seconds is None:
            raise ValueError("a timed-cosine schedule needs seconds")
        rises = self.steps is None or self.steps <= self.warm_up_steps
        if self.schedule == "cosine" and rises and self.epochs is None:
            raise ValueError("a cosine schedule needs more steps than it takes to warm up")

    def over(self, videos: int) -> StageConfig:
        """The same for a corpus of ``videos`` scenes or clips: epochs become steps."""
        if self.epochs is None:
            return self
        steps = self.epochs * ceil(videos / self.batch)
        return replace(self, epochs=None, steps=min(steps, self.steps or steps))
