"""DPM-Solver++(2M): second-order multistep, data prediction, time-uniform grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import expm1

import numpy as np

from foleyline_server.pipeline.samplers.base import Latent, PredictNoise, mix
from foleyline_server.pipeline.schedule import NoiseLevel, Schedule

_LOWER_ORDER_FINAL_BELOW_STEPS = 15
"""With fewer steps than this, the last one is of first order, for stability."""


def dpm_solver_pp(
    latent: Latent, schedule: Schedule, steps: int, predict_noise: PredictNoise
) -> Iterator[Latent]:
    """Yield the latent after each step, from pure noise at t = 1 to t = 1/N.

    The network is evaluated ``steps`` times: at every grid time but the last.

    Source: Lu et al. 2022, DPM-Solver++, algorithm 2; first step of order 1, as in the
    released Diff-Foley (inference/diff_foley/models/dpm_solver, commit 0ba1e8a).
    """
    times = np.linspace(1.0, 1.0 / schedule.steps, steps + 1)
    levels = [schedule.at_time(float(time)) for time in times]
    previous: tuple[NoiseLevel, Latent] | None = None
    for index, (here, there) in enumerate(itertools.pairwise(levels)):
        clean = _clean(latent, here, predict_noise(latent, here))
        slope = _slope(previous, here, there, clean)
        if index == steps - 1 and steps < _LOWER_ORDER_FINAL_BELOW_STEPS:
            slope = None
        phi = there.alpha * expm1(here.lam - there.lam)
        target = clean if slope is None else mix(1.0, clean, 0.5, slope)
        latent = mix(there.sigma / here.sigma, latent, -phi, target)
        previous = (here, clean)
        yield latent


def _clean(latent: Latent, level: NoiseLevel, noise: Latent) -> Latent:
    return mix(1 / level.alpha, latent, -level.sigma / level.alpha, noise)


def _slope(
    previous: tuple[NoiseLevel, Latent] | None, here: NoiseLevel, there: NoiseLevel, clean: Latent
) -> Latent | None:
    """The clean estimate's change over the coming step, from its change over the last one."""
    if previous is None:
        return None
    before, clean_before = previous
    ratio = (here.lam - before.lam) / (there.lam - here.lam)
    return mix(1 / ratio, clean, -1 / ratio, clean_before)
