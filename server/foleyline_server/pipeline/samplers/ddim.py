"""DDIM with eta = 0: first order, deterministic, on integer steps."""

from __future__ import annotations

from collections.abc import Iterator

from foleyline_server.pipeline.samplers.base import Latent, PredictNoise, mix
from foleyline_server.pipeline.schedule import Schedule


def ddim(
    latent: Latent, schedule: Schedule, steps: int, predict_noise: PredictNoise
) -> Iterator[Latent]:
    """Yield the latent after each step.

    The network sees the integer steps ``stride * k + 1``, largest first, with
    stride = N // steps; the last step ends at index 0.

    Source: Song et al. 2020, equation 12; grid as in the released Diff-Foley's DDIM.
    """
    stride = max(1, schedule.steps // steps)
    indices = [min(stride * k + 1, schedule.steps - 1) for k in range(steps)]
    for index, next_index in zip(reversed(indices), [*reversed(indices[:-1]), 0], strict=True):
        here, there = schedule.at_index(index), schedule.at_index(next_index)
        noise = predict_noise(latent, here)
        clean = mix(1 / here.alpha, latent, -here.sigma / here.alpha, noise)
        latent = mix(there.alpha, clean, there.sigma, noise)
        yield latent
