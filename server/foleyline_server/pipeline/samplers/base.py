"""What a sampler is: a generator that takes one step each time it is asked to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from foleyline_server.pipeline.schedule import NoiseLevel, Schedule

Latent = NDArray[np.float32]
"""(channels, ..., columns), no batch axis, diffusion scale, time last."""
PredictNoise = Callable[[Latent, NoiseLevel], Latent]
"""The guided noise estimate of a latent at a level; same shape."""


def mix(a: float, first: Latent, b: float, second: Latent) -> Latent:
    """``a * first + b * second``, in float32 whatever the factors are."""
    return np.add(np.float32(a) * first, np.float32(b) * second)


class Sampler(Protocol):
    """Noise to latent.

    Yields the latent after each of the ``steps`` steps, so that the caller can report
    progress and stop between any two; the last one is the result.
    """

    def __call__(
        self, latent: Latent, schedule: Schedule, steps: int, predict_noise: PredictNoise
    ) -> Iterator[Latent]: ...
