"""One stage's state while it is trained: weights, their average, optimiser, where it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from foleyline_contract.errors import SettingInvalid
from foleyline_training.board import Preview
from foleyline_training.distributed import Processes
from foleyline_training.learning_rate import learning_rate
from foleyline_training.optimiser import make_optimiser
from foleyline_training.share import Share
from foleyline_training.stage_config import StageConfig


class Stage(Protocol):
    """What training needs of a stage."""

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


@runtime_checkable
class Previewed(Protocol):
    """A stage whose progress can be seen and heard."""

    def preview(self, share: Share) -> Preview:
        """What the network makes at present, the same of the same weights; without gradients."""
        ...


class Trainer:
    """Makes steps of one stage, the same ones in all processes.

    Nothing random lives from step to step: all generators are keyed by seed and step, so that
    a resumed training draws what an unbroken one would.

    Args:
        clock: seconds that never go back.

    Attributes:
        step: how many steps have been made.
        elapsed_s: time they took, over all restarts.
        interrupted: whether a process was told to end.
    """

    def __init__(
        self,
        stage: Stage,
        config: StageConfig,
        seed: int,
        processes: Processes,
        clock: Callable[[], float],
    ) -> None:
        self.stage, self.config, self.seed, self.clock = stage, config, seed, clock
        self.processes, self.share = processes, processes.share(config)
        network = stage.network.to(self.share.device)
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.optimiser = make_optimiser(self.parameters, config)
        # Gradients of half precision underflow unless the loss is scaled up.
        self.scaler = torch.amp.GradScaler("cuda", enabled=config.precision == "float16")
        self.step, self.elapsed_s, self.interrupted = 0, 0.0, False
        processes.copy_from_first(network.state_dict().values())
        self.average = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @property
    def finished(self) -> bool:
        seconds, steps = self.config.seconds, self.config.steps
        out_of_time = seconds is not None and self.elapsed_s >= seconds
        return out_of_time or (steps is not None and self.step >= steps)

    def advance(self, told_to_end: Callable[[], bool]) -> dict[str, float]:
        """Make one step.

        Args:
            told_to_end: whether this process is to end after it; then all of them do.

        Returns:
            Figures for the log. The loss is that of the whole step, as is the gradient's norm;
            the stage's own figures are those of this process's rows.

        Raises:
            FloatingPointError: the loss is not finite, in any process; all of them raise it.
        """
        started = self.clock()
        rate = learning_rate(self.config, self.step, self.elapsed_s)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.stage.network.train()
        loss, figures = self._backward()
        loss, ending = self.processes.mean(loss, told_to_end())
        if not math.isfinite(loss):
            raise FloatingPointError(f"{self.stage.name}: the loss is {loss}")
        # Averaged while scaled, so that an overflow anywhere skips the step everywhere.
        self.processes.average_gradients(self.parameters)
        self.scaler.unscale_(self.optimiser)
        norm = torch.nn.utils.clip_grad_norm_(
            self.parameters, self.config.gradient_norm_max or math.inf
        )
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._update_average()
        self.step += 1
        self.elapsed_s += self.processes.mean(self.clock() - started)[0]
        self.interrupted = ending > 0
        return {
            "step": self.step,
            "seconds": round(self.elapsed_s, 1),
            "loss": loss,
            "learning_rate": rate,
            "gradient_norm": norm.item(),
            **figures,
        }

    def _backward(self) -> tuple[float, dict[str, float]]:
        """Gradients of the step, part after part; returns means of the loss and the figures."""
        self.optimiser.zero_grad(set_to_none=True)
        means: dict[str, list[float]] = {}
        for part in range(self.share.parts):
            share = replace(self.share, part=part)
            # For networks that draw by themselves, as dropout does: other rows, other draws.
            key = [self.seed, self.step, share.rank, part]
            torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
            # Every part draws the whole step anew and takes its rows.
            rng = np.random.default_rng([self.seed, self.step])
            loss, figures = self.stage.loss(rng, share)
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

    def preview(self) -> Preview | None:
        """What the averaged weights make at present; None of a stage that has nothing to show."""
        if not isinstance(self.stage, Previewed):
            return None
        network = self.stage.network.eval()
        trained = {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.average)
        try:
            with torch.inference_mode():
                return self.stage.preview(replace(self.share, rank=0, world=1, parts=1))
        finally:
            network.load_state_dict(trained)

    def state(self) -> dict[str, Any]:
        return {
            "weights": self.stage.network.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state()``.

        Raises:
            SettingInvalid: it is another network's, or not the one that other processes found.
        """
        try:
            self.stage.network.load_state_dict(state["weights"])
            self.average = {k: v.to(self.share.device) for k, v in state["average"].items()}
            self.optimiser.load_state_dict(state["optimiser"])
            self.scaler.load_state_dict(state["scaler"])
            self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        except (KeyError, ValueError, RuntimeError) as error:
            raise SettingInvalid(
                f"The checkpoint of {self.stage.name} is not of a network as configured.",
                remedy="Use the configuration it was made with, or another run folder.",
                detail=str(error),
            ) from error
