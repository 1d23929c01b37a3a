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
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from foleyline_training.checkpoints import load_checkpoint, save_checkpoint
from foleyline_training.config import StageConfig
from foleyline_training.learning_rate import learning_rate
from foleyline_training.share import Share, whole_share

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

    def loss(self, rng: np.random.Generator, share: Share) -> tuple[Tensor, Mapping[str, float]]:
        """Draw a step with ``rng``; return the loss of the share's rows and figures for the log.

        All draws are for the whole step, so that they do not depend on how it is shared out.
        The loss is a mean over rows, in float32.
        """
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
            figures = trainer.advance([seed, trainer.step])
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
        self.share = whole_share(config)
        stage.network.to(self.share.device)
        # Gradients of half precision underflow unless the loss is scaled up.
        self.scaler = torch.amp.GradScaler("cuda", enabled=config.precision == "float16")
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

    def advance(self, key: list[int]) -> dict[str, float]:
        """One step, drawn with ``key``; returns the figures for the log."""
        started = self.clock()
        rate = learning_rate(self.config, self.step, self.elapsed_s)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.stage.network.train()
        loss, figures = self._backward(key)
        self.scaler.unscale_(self.optimiser)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._update_average()
        self.step += 1
        self.elapsed_s += self.clock() - started
        return {
            "step": self.step,
            "seconds": round(self.elapsed_s, 1),
            "loss": loss,
            "learning_rate": rate,
            "gradient_norm": norm.item(),
            **figures,
        }

    def _backward(self, key: list[int]) -> tuple[float, dict[str, float]]:
        """Gradients of the step, part after part; returns means of the loss and the figures."""
        self.optimiser.zero_grad(set_to_none=True)
        means: dict[str, list[float]] = {}
        for part in range(self.share.parts):
            # Every part draws the whole step anew and takes its rows.
            share = replace(self.share, part=part)
            loss, figures = self.stage.loss(np.random.default_rng(key), share)
            if not math.isfinite(loss.item()):
                raise FloatingPointError(f"{self.stage.name}: the loss is {loss.item()}")
            self.scaler.scale(loss / share.parts).backward()
            for name, value in {"loss": loss.item(), **figures}.items():
                means.setdefault(name, []).append(value)
        averages = {name: sum(values) / len(values) for name, values in means.items()}
        return averages.pop("loss"), averages

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
            "scaler": self.scaler.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "random": torch.get_rng_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        self.stage.network.load_state_dict(state["weights"])
        self.average = {k: v.to(self.share.device) for k, v in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        torch.set_rng_state(state["random"])


def _readable(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
