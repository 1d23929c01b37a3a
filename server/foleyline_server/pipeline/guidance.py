"""Classifier-free and alignment guidance: what the networks say, as one noise estimate.

    eps-hat = eps(z, 0) + s * (eps(z, c) - eps(z, 0))
              - gamma * sigma_t * grad_z log p(aligned | z, t, E)

s is ``cfg_scale``, gamma is ``align_scale``. Whatever the network predicts becomes noise
first, so the formula is written once. Source: Diff-Foley, section 2.3; DESIGN.md, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.errors import BundleIncomplete
from foleyline_server.pipeline.samplers.base import Latent, mix
from foleyline_server.pipeline.schedule import NoiseLevel

Floats = NDArray[np.float32]


class Graph(Protocol):
    """One network: named tensors in, named tensors out."""

    def __call__(self, **inputs: Floats) -> Mapping[str, Floats]: ...


@dataclass(frozen=True, slots=True)
class Guidance:
    """Guided noise estimates of several windows' latents in one call of each network.

    With n windows the UNet sees 2 n rows, the unconditional ones first, and the aligner n.
    What a window gets does not depend on the others in its batch, but for rounding.

    Args:
        unet: (batch, *Z), (batch,), (batch, F, C) to ``prediction`` (batch, *Z).
        aligner: (batch, *Z), (batch,), (batch, F, D) to ``gradient`` (batch, *Z), ``log_prob``.
        prediction: what the UNet returns: ``epsilon``, ``x0`` or ``v``.
        cfg_scale: at 1 the unconditional rows are not computed, at 0 the conditional ones are
            not.
        align_scale: at 0 the aligner is never run.
    """

    unet: Graph
    aligner: Graph
    prediction: str
    cfg_scale: float
    align_scale: float

    def noise(
        self, latents: Latent, level: NoiseLevel, conditions: Floats, features: Floats
    ) -> Latent:
        """The guided estimates (n, *Z).

        Args:
            latents: (n, *Z), float32.
            level: the moment of the diffusion.
            conditions: (n, F, C).
            features: (n, F, D).
        """
        rows = self._rows(conditions)
        doubled = latents if len(rows) == len(latents) else np.concatenate([latents, latents])
        prediction = self.unet(
            latent=doubled,
            timestep=np.full(len(rows), level.timestep, np.float32),
            condition=rows,
        )["prediction"]
        noise = as_noise(self.prediction, prediction, doubled, level)
        guided = noise
        if len(noise) != len(latents):
            plain, conditional = noise[: len(latents)], noise[len(latents) :]
            guided = mix(1.0, plain, self.cfg_scale, conditional - plain)
        if self.align_scale != 0:
            gradient = self._align(latents, level.timestep, features)["gradient"]
            guided = mix(1.0, guided, -self.align_scale * level.sigma, gradient)
        return guided

    def log_prob(self, latents: Latent, features: Floats) -> Floats:
        """Log p(aligned) (n,) of finished latents (n, *Z), at step 0."""
        return self._align(latents, 0.0, features)["log_prob"]

    def _rows(self, conditions: Floats) -> Floats:
        """Unconditional rows first, then the conditional ones; only those that count."""
        if self.cfg_scale == 1:
            return conditions
        # Zeros after the condition encoder, as the released sampler has them, not its answer
        # to features of zeros.
        nothing = np.zeros_like(conditions)
        if self.cfg_scale == 0:
            return nothing
        return np.concatenate([nothing, conditions])

    def _align(self, latents: Latent, timestep: float, features: Floats) -> Mapping[str, Floats]:
        return self.aligner(
            latent=latents,
            timestep=np.full(len(latents), timestep, np.float32),
            features=features,
        )


def as_noise(kind: str, prediction: Floats, latent: Floats, level: NoiseLevel) -> Floats:
    """The noise that a network's prediction implies; shapes (batch, *Z).

    Raises:
        BundleIncomplete: ``kind`` is none of ``epsilon``, ``x0``, ``v``.
    """
    if kind == "epsilon":
        return prediction
    if kind == "x0":
        return mix(1 / level.sigma, latent, -level.alpha / level.sigma, prediction)
    if kind == "v":
        return mix(level.alpha, prediction, level.sigma, latent)
    raise BundleIncomplete(f"The bundle's network predicts {kind!r}, which is not known.")
