"""The training loop, the same for every stage, readable top to bottom.

A stage says what its networks are and what the loss of a step is. The loop adds the
optimiser, the learning rate, the moving average, the log and the checkpoints. It runs for a
stated time of training, counted over restarts, so a stage ends when promised on any machine;
a configuration can also limit the steps.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from foleyline_training.checkpoints import load_checkpoint, save_checkpoint
from foleyline_training.config import StageConfig
from foleyline_training.learning_rate import learning_rate

log = logging.getLogger(__name__)

CHECKPOINT_EVERY_S = 60.0
LOG_EVERY_STEPS = 20


class Stage(Protocol):
    """What the loop needs of a stage."""

    name: str

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        ...

    def loss(self, rng: np.random.Generator) -> tuple[Tensor, Mapping[str, float]]:
        """Draw a batch with ``rng`` and return the loss with figures for the log."""
        ...

    def extra_state(self) -> dict[str, Any]:
        """Plain values to keep beside the weights once training has ended."""
        ...


def train(
    stage: Stage,
    config: StageConfig,
    run: Path,
    seed: int,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """Train ``stage`` until its time or its steps are up, from its checkpoint on if there is one.

    Args:
        clock: seconds that never go back; tests bring their own.

    Returns:
        The finished weights: ``<run>/<name>.pt`` with keys ``weights`` (moving average) and
        ``extra``.
    """
    done, resume = run / f"{stage.name}.pt", run / f"{stage.name}.resume.pt"
    if done.exists():
        log.info("%s: already trained", stage.name)
        return done
    torch.manual_seed(seed)
    trainer = _Trainer(stage, config, clock)
    if resume.exists():
        trainer.load(load_checkpoint(resume))
        log.info("%s: going on from step %d", stage.name, trainer.step)
    run.mkdir(parents=True, exist_ok=True)
    with (run / f"{stage.name}.jsonl").open("a", encoding="utf-8") as lines:
        saved = clock()
        while not trainer.finished:
            # Keyed by the step, so that a resumed run draws what an unbroken one would.
            figures = trainer.advance(np.random.default_rng([seed, trainer.step]))
            if trainer.step % LOG_EVERY_STEPS == 0:
                lines.write(json.dumps(figures) + "\n")
                lines.flush()
            if trainer.step % (10 * LOG_EVERY_STEPS) == 0:
                log.info("%s: %s", stage.name, _readable(figures))
            if clock() - saved > CHECKPOINT_EVERY_S:
                save_checkpoint(resume, trainer.state())
                saved = clock()
    stage.network.load_state_dict(trainer.average)
    save_checkpoint(
        done, {"weights": trainer.average, "extra": stage.extra_state(), "steps": trainer.step}
    )
    resume.unlink(missing_ok=True)
    return done


class _Trainer:
    """Optimiser, learning rate and moving average of one stage."""

    def __init__(self, stage: Stage, config: StageConfig, clock: Callable[[], float]) -> None:
        self.stage, self.config, self.clock = stage, config, clock
        parameters = [p for p in stage.network.parameters() if p.requires_grad]
        self.parameters = parameters
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [p for p in parameters if p.dim() > 1]},
                {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
            ],
            lr=config.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=config.weight_decay,
        )
        self.step, self.elapsed_s = 0, 0.0
        self.average = {k: v.detach().clone() for k, v in stage.network.state_dict().items()}

    @property
    def finished(self) -> bool:
        steps = self.config.steps
        return self.elapsed_s >= self.config.seconds or (steps is not None and self.step >= steps)

    def advance(self, rng: np.random.Generator) -> dict[str, float]:
        """One step; returns the figures for the log."""
        started = self.clock()
        rate = learning_rate(self.config, self.step, self.elapsed_s)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.stage.network.train()
        loss, figures = self.stage.loss(rng)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"{self.stage.name}: the loss is {loss.item()}")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self._update_average()
        self.step += 1
        self.elapsed_s += self.clock() - started
        return {
            "step": self.step,
            "seconds": round(self.elapsed_s, 1),
            "loss": loss.item(),
            "learning_rate": rate,
            "gradient_norm": norm.item(),
            **figures,
        }

    def _update_average(self) -> None:
        # Early on the average follows faster, or it would remember the initial weights.
        keep = min(self.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.stage.network.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - keep)
                else:
                    self.average[name].copy_(value)

    def state(self) -> dict[str, Any]:
        return {
            "weights": self.stage.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "random": torch.get_rng_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        self.stage.network.load_state_dict(state["weights"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        torch.set_rng_state(state["random"])


def _readable(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
