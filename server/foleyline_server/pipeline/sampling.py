"""One take's latent: noise to a canvas over all windows, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.palette import require_sound
from foleyline_server.pipeline.guidance import Guidance
from foleyline_server.pipeline.noise import family_noise, latent_noise
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
        features: (windows, F, D); they are the same whatever sound is asked for.
    """

    plan: WindowPlan
    features: Floats


def sample(
    seen: SeenClip,
    bundle: LoadedBundle,
    settings: UsedSettings,
    seed: int,
    meter: Meter,
    take: int = 0,
) -> tuple[Latent, float | None]:
    """Sample one take; the windows' guided predictions are averaged at every step.

    ``seed`` is the take's own, whatever the settings say; ``take`` only tells the meter.

    Returns:
        The latent (*Z[:-1], columns) in diffusion scale, and the windows' mean log p(aligned)
        if alignment guidance was on.

    Raises:
        Cancelled: ``meter`` said so, within one batch of windows of one step.
    """
    model = bundle.found.manifest.model
    canvas = seen.plan.canvas()
    conditions = encode_conditions(seen, bundle, settings.palette, meter)
    guidance = Guidance(
        bundle.graphs["unet"],
        bundle.graphs["aligner"],
        model.schedule.prediction,
        settings.cfg_scale,
        settings.align_scale,
    )

    def predict_noise(latent: Latent, level: NoiseLevel) -> Latent:
        def batch(windows: range) -> Floats:
            meter.check()
            rows = slice(windows.start, windows.stop)
            parts = canvas.cut(latent, windows)
            return guidance.noise(parts, level, conditions[rows], seen.features[rows])

        return canvas.blend(bundle.windows_per_batch, batch)

    shape = (*model.latent.shape[:-1], canvas.length)
    latent = _noise(settings, seed, shape, seen.plan.columns)
    run = sampler_named(settings.sampler)
    meter.sampling(take, 0, settings.steps)
    steps = run(latent, Schedule(model.schedule), settings.steps, predict_noise)
    for done, stepped in enumerate(steps, start=1):
        latent = stepped
        meter.sampling(take, done, settings.steps)
    if settings.align_scale == 0:
        return latent, None
    return latent, _alignment(guidance, latent, seen, bundle.windows_per_batch, meter)


def encode_conditions(
    seen: SeenClip, bundle: LoadedBundle, palette: str | None, meter: Meter
) -> Floats:
    """What the UNet reads of every window when it is asked for that sound: (windows, F, C).

    A sound only shifts a condition that pictures make, so it is a weak hint where they show
    something else. ``palette_scale`` extends the shift, as ``cfg_scale`` does with the whole.

    Raises:
        Cancelled: ``meter`` said so.
        SettingInvalid: the bundle cannot be asked for it.
    """
    manifest = bundle.found.manifest
    names, encoder = manifest.model.palette, bundle.graphs["condition_encoder"]
    require_sound(palette, names, manifest.name)
    asked = np.array([[name == palette for name in names]], np.float32)
    scale = np.float32(manifest.model.defaults.palette_scale)
    shape = (*seen.features.shape[:-1], manifest.model.features.condition_dim)
    conditions = np.empty(shape, np.float32)
    for windows in seen.plan.batches(bundle.windows_per_batch):
        meter.check()
        rows = slice(windows.start, windows.stop)
        inputs = {"features": seen.features[rows]}
        if names:
            inputs["palette"] = asked.repeat(len(windows), axis=0)
        conditions[rows] = encoder(**inputs)["condition"]
        if palette is not None and scale != 1:
            auto = encoder(**inputs | {"palette": np.zeros_like(inputs["palette"])})["condition"]
            conditions[rows] = auto + scale * (conditions[rows] - auto)
    return conditions


def _noise(settings: UsedSettings, seed: int, shape: tuple[int, ...], columns: int) -> Latent:
    if settings.seed_family is None:
        return latent_noise(seed, shape, columns)
    return family_noise(seed, settings.seed_family, settings.variation, shape, columns)


def _alignment(
    guidance: Guidance, latent: Latent, seen: SeenClip, per_batch: int, meter: Meter
) -> float | None:
    """The windows' mean log p(aligned); None where the aligner gives no number."""
    canvas = seen.plan.canvas()
    found: list[Floats] = []
    for windows in seen.plan.batches(per_batch):
        meter.check()
        parts = canvas.cut(latent, windows)
        found.append(guidance.log_prob(parts, seen.features[windows.start : windows.stop]))
    mean = float(np.mean(np.concatenate(found)))
    return mean if isfinite(mean) else None
