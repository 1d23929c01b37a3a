"""DDIM with eta = 0: first order, deterministic, on integer steps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from foleyline_server.pipeline.samplers.base import Latent, PredictNoise, mix
from foleyline_server.pipeline.schedule import NoiseLevel, Schedule


def ddim(
    latent: Latent, schedule: Schedule, steps: int, predict_noise: PredictNoise
) -> Iterator[Latent]:
    """Yield the latent after each step, from the grid's first level to index 0.

    Source: Song et al. 2020, equation 12; grid as in the released Diff-Foley's DDIM.
    """
    for here, there in pairwise(ddim_levels(schedule, steps)):
        latent = ddim_step(latent, here, there, predict_noise(latent, here))
        yield latent


def ddim_levels(schedule: Schedule, steps: int) -> list[NoiseLevel]:
    """The ``steps`` levels at which the network is evaluated, noisiest first, and index 0.

    They are the integer steps ``stride * k + 1`` for k < ``steps``, with
    stride = N // steps. The released system takes every such step below N instead: as many
    where ``steps`` divides N, and more where it does not (31 for 30). Ours are then the lower
    ones of those, so that a request gets the steps that it asked for.
    """
    stride = max(1, schedule.steps // steps)
    indices = [min(stride * k + 1, schedule.steps - 1) for k in range(steps)]
    return [schedule.at_index(index) for index in (*reversed(indices), 0)]


def ddim_step(latent: Latent, here: NoiseLevel, there: NoiseLevel, noise: Latent) -> Latent:
    """The latent at ``there``, given the noise estimate at ``here``."""
    clean = mix(1 / here.alpha, latent, -here.sigma / here.alpha, noise)
    return mix(there.alpha, clean, there.sigma, noise)
