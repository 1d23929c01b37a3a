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
    """Guided noise estimates of one window's latent.

    Args:
        unet: (batch, *Z), (batch,), (batch, F, C) to ``prediction`` (batch, *Z).
        aligner: (batch, *Z), (batch,), (batch, F, D) to ``gradient`` (batch, *Z), ``log_prob``.
        prediction: what the UNet returns: ``epsilon``, ``x0`` or ``v``.
        cfg_scale: at 1 the unconditional row is not computed, at 0 the conditional one is not.
        align_scale: at 0 the aligner is never run.
    """

    unet: Graph
    aligner: Graph
    prediction: str
    cfg_scale: float
    align_scale: float

    def noise(
        self, latent: Latent, level: NoiseLevel, condition: Floats, features: Floats
    ) -> Latent:
        """The guided estimate for one window.

        Args:
            latent: Z, float32.
            level: the moment of the diffusion.
            condition: (F, C).
            features: (F, D).
        """
        rows = self._rows(condition)
        prediction = self.unet(
            latent=np.repeat(latent[None], len(rows), axis=0),
            timestep=np.full(len(rows), level.timestep, np.float32),
            condition=rows,
        )["prediction"]
        noise = as_noise(self.prediction, prediction, latent[None], level)
        guided = noise[0]
        if len(noise) == 2:
            guided = noise[0] + np.float32(self.cfg_scale) * (noise[1] - noise[0])
        if self.align_scale != 0:
            gradient = self._align(latent, level.timestep, features)["gradient"][0]
            guided = guided - np.float32(self.align_scale * level.sigma) * gradient
        return guided

    def log_prob(self, latent: Latent, features: Floats) -> float:
        """Log p(aligned) of a finished latent Z, at step 0."""
        return float(self._align(latent, 0.0, features)["log_prob"][0])

    def _rows(self, condition: Floats) -> Floats:
        """Unconditional row first, then the conditional one; only those that count."""
        if self.cfg_scale == 1:
            return condition[None]
        if self.cfg_scale == 0:
            return np.zeros_like(condition)[None]
        return np.stack([np.zeros_like(condition), condition])

    def _align(self, latent: Latent, timestep: float, features: Floats) -> Mapping[str, Floats]:
        return self.aligner(
            latent=latent[None],
            timestep=np.full(1, timestep, np.float32),
            features=features[None],
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
