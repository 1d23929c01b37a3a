"""PLMS: DDIM's steps with the noise extrapolated from up to four estimates."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

from foleyline_server.pipeline.samplers.base import Latent, PredictNoise, mix
from foleyline_server.pipeline.samplers.ddim import ddim_levels, ddim_step
from foleyline_server.pipeline.schedule import Schedule

_ADAMS_BASHFORTH = (
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)
"""Weights of the estimates, newest first, when there are two, three and four of them."""
_ORDER = len(_ADAMS_BASHFORTH[-1])


def plms(
    latent: Latent, schedule: Schedule, steps: int, predict_noise: PredictNoise
) -> Iterator[Latent]:
    """Yield the latent after each step, on the grid of DDIM, eta = 0.

    The first step is a Euler step tried and then taken with the mean of the estimates at both
    its ends, so the network is evaluated ``steps + 1`` times.

    Source: Liu et al. 2022 (PNDM), equation 12 and its lower orders; as PLMSSampler in the
    released Diff-Foley (commit 0ba1e8a), which leaves the classifier out. Ours is guided like
    every other sampler.
    """
    newest: deque[Latent] = deque(maxlen=_ORDER)
    for here, there in pairwise(ddim_levels(schedule, steps)):
        noise = predict_noise(latent, here)
        newest.appendleft(noise)
        if len(newest) == 1:
            tried = ddim_step(latent, here, there, noise)
            noise = mix(0.5, noise, 0.5, predict_noise(tried, there))
        else:
            noise = _extrapolated(newest)
        latent = ddim_step(latent, here, there, noise)
        yield latent


def _extrapolated(newest: Sequence[Latent]) -> Latent:
    first, second, *others = _ADAMS_BASHFORTH[len(newest) - 2]
    noise = mix(first, newest[0], second, newest[1])
    for weight, estimate in zip(others, list(newest)[2:], strict=True):
        noise = mix(1.0, noise, weight, estimate)
    return noise
