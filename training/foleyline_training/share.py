"""One process's share of a training step: which rows, on which device, how precisely.

A stage draws the whole step from the step's generator, alike in every process, and computes
only the rows of its share. So the same rows are trained on however many processes and parts
a step is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foleyline_contract.errors import SettingInvalid
from foleyline_training.stage_config import StageConfig

Values = TypeVar("Values", bound=Sequence[object] | NDArray[np.generic] | Tensor)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""What networks compute in, by its name in a configuration; weights are always float32."""


def _as_they_are(rows: Tensor) -> Tensor:
    return rows


@dataclass(frozen=True, slots=True)
class Share:
    """Part ``part`` of the ``parts`` that process ``rank`` of ``world`` works through in a step.

    Attributes:
        parts: forward and backward passes a step is made of, to need less memory.
        dtype: what networks compute in; losses and weights stay in float32.
        gathered: turns rows into those that all processes have, for losses that set rows
            against one another.
    """

    rank: int = 0
    world: int = 1
    part: int = 0
    parts: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    gathered: Callable[[Tensor], Tensor] = _as_they_are

    def of(self, values: Values) -> Values:
        """The rows of this share, of those of the whole step.

        Every so-manieth row and not a run of them, because a stage may have put rows in order.

        Raises:
            ValueError: the rows cannot be shared out evenly.
        """
        shares = self.world * self.parts
        if len(values) % shares:
            raise ValueError(f"{len(values)} rows cannot be shared out evenly {shares} times")
        return values[self.part * self.world + self.rank :: shares]  # pyright: ignore[reportReturnType]

    def put(self, values: NDArray[np.generic] | Tensor) -> Tensor:
        """``values`` on the share's device; integers and half precision become float32."""
        tensor = values if isinstance(values, Tensor) else torch.from_numpy(values)
        return tensor.to(self.device, torch.float32)

    def normal(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """The share's rows of a standard normal draw for the whole step, on its device.

        Drawn by NumPy on the CPU, so that a device or a library's version changes nothing.
        """
        return self.put(self.of(rng.standard_normal(shape, dtype=np.float32)))

    def mixed(self) -> AbstractContextManager[object]:
        """Within it, networks compute in ``dtype``. Losses are computed outside of it."""
        enabled = self.dtype != torch.float32
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=enabled)


WHOLE = Share()
"""All of a step in one process, on the CPU, in full precision."""


def whole_share(config: StageConfig) -> Share:
    """What one process alone does of a stage's steps, on this machine.

    Raises:
        SettingInvalid: the device is not there, or cannot compute in the precision asked for.
    """
    there = torch.cuda.is_available()
    name = ("cuda" if there else "cpu") if config.device == "auto" else config.device
    if name == "cuda" and not there:
        raise SettingInvalid(
            "The stage is to be trained on a graphics card, and PyTorch finds none.",
            remedy="Set its device to cpu, or install PyTorch with CUDA.",
        )
    if config.precision == "float16" and name == "cpu":
        raise SettingInvalid(
            "Training in float16 needs a graphics card.",
            remedy="Set the stage's precision to bfloat16, or to float32.",
        )
    return Share(parts=config.accumulate, device=torch.device(name), dtype=DTYPES[config.precision])
