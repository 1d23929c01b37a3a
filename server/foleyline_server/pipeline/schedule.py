"""The diffusion's noise schedule in continuous time; nothing about any sampler.

With abar the cumulative product of the spec's alphas: alpha_t = sqrt(abar),
sigma_t = sqrt(1 - abar), lambda_t = log(alpha_t / sigma_t). Continuous time t lies in (0, 1];
index n of N steps is t = (n + 1) / N.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.errors import BundleIncomplete
from foleyline_contract.specs import ScheduleSpec


@dataclass(frozen=True, slots=True)
class NoiseLevel:
    """One moment of the diffusion."""

    timestep: float
    """What the network is fed: the fractional step in [0, N)."""
    alpha: float
    sigma: float

    @property
    def lam(self) -> float:
        """Half the logarithm of the signal-to-noise ratio."""
        return log(self.alpha) - log(self.sigma)


class Schedule:
    """Noise levels of a model, by continuous time or by index.

    Args:
        spec: kind ``scaled-linear``.

    Raises:
        BundleIncomplete: the kind is not known.

    Source: DPM-Solver (Lu et al. 2022), discrete noise schedule: log alpha is piecewise
    linear between the N training steps.
    """

    def __init__(self, spec: ScheduleSpec) -> None:
        if spec.kind != "scaled-linear":
            raise BundleIncomplete(f"The bundle's noise schedule {spec.kind!r} is not known.")
        roots = np.linspace(
            sqrt(spec.beta_start), sqrt(spec.beta_end), spec.steps, dtype=np.float64
        )
        self.steps = spec.steps
        self.alphas_cumprod: NDArray[np.float64] = np.cumprod(1.0 - roots**2, dtype=np.float64)
        self._log_alpha: NDArray[np.float64] = 0.5 * np.log(self.alphas_cumprod)
        self._times: NDArray[np.float64] = np.arange(1, spec.steps + 1) / spec.steps

    def at_time(self, time: float) -> NoiseLevel:
        """The level at continuous ``time`` in [1 / N, 1]."""
        log_alpha = float(np.interp(time, self._times, self._log_alpha))
        return _level((time - 1.0 / self.steps) * self.steps, exp(2.0 * log_alpha))

    def at_index(self, index: int) -> NoiseLevel:
        """The level of training step ``index`` in [0, N)."""
        return _level(float(index), float(self.alphas_cumprod[index]))


def _level(timestep: float, alpha_cumprod: float) -> NoiseLevel:
    return NoiseLevel(timestep, sqrt(alpha_cumprod), sqrt(1.0 - alpha_cumprod))
