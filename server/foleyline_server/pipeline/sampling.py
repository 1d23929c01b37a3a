"""One take's latent: noise to a canvas over all windows, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from foleyline_server.pipeline.guidance import Guidance
from foleyline_server.pipeline.noise import latent_noise
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import UsedSettings
from foleyline_server.pipeline.samplers import sampler_named
from foleyline_server.pipeline.samplers.base import Latent
from foleyline_server.pipeline.schedule import NoiseLevel, Schedule
from foleyline_server.pipeline.windows import WindowPlan
from foleyline_server.runtime.bundles import LoadedBundle

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SeenClip:
    """What a clip's windows look like to the networks.

    Attributes:
        plan: where the windows lie.
        features: (F, D) per window.
        conditions: (F, C) per window.
    """

    plan: WindowPlan
    features: tuple[Floats, ...]
    conditions: tuple[Floats, ...]


def sample(
    seen: SeenClip, bundle: LoadedBundle, settings: UsedSettings, take: int, meter: Meter
) -> tuple[Latent, float | None]:
    """Sample one take; the windows' guided predictions are averaged at every step.

    Returns:
        The latent (*Z[:-1], columns) in diffusion scale, and the windows' mean log p(aligned)
        if alignment guidance was on.

    Raises:
        Cancelled: ``meter`` said so, within one window of one step.
    """
    model = bundle.found.manifest.model
    columns = model.latent.shape[-1]
    canvas = seen.plan.canvas(bundle.columns_per_feature)
    guidance = Guidance(
        bundle.graphs["unet"],
        bundle.graphs["aligner"],
        model.schedule.prediction,
        settings.cfg_scale,
        settings.align_scale,
    )

    def predict_noise(latent: Latent, level: NoiseLevel) -> Latent:
        def one(window: int) -> Floats:
            meter.check()
            part = latent[..., canvas.place(window, columns)]
            return guidance.noise(part, level, seen.conditions[window], seen.features[window])

        return canvas.blend(columns, one)

    shape = (*model.latent.shape[:-1], canvas.length(columns))
    latent = latent_noise(settings.seed_of(take), shape, columns)
    run = sampler_named(settings.sampler)
    meter.sampling(take, 0, settings.steps)
    steps = run(latent, Schedule(model.schedule), settings.steps, predict_noise)
    for done, stepped in enumerate(steps, start=1):
        latent = stepped
        meter.sampling(take, done, settings.steps)
    if settings.align_scale == 0:
        return latent, None
    log_probs = [
        guidance.log_prob(latent[..., canvas.place(window, columns)], seen.features[window])
        for window in range(seen.plan.count)
    ]
    mean = float(np.mean(log_probs))
    return latent, mean if isfinite(mean) else None
