"""The settings a take was made with, and the record that travels with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any

import numpy as np

from foleyline_contract.bundle import Manifest
from foleyline_contract.errors import BundleIncomplete
from foleyline_contract.messages import SEED_MAX, VARIATION, Clip, GenerateSettings
from foleyline_contract.specs import SamplingDefaults
from foleyline_contract.version import PACKAGE_VERSION
from foleyline_server.pipeline.pcm import Finished
from foleyline_server.pipeline.samplers import sampler_named
from foleyline_server.pipeline.vocoders import VOCODERS, vocoder_named

_PACKAGES = ("onnxruntime", "onnxruntime-gpu", "av", "soxr", "librosa")
_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class UsedSettings:
    """A request's settings with the bundle's defaults filled in."""

    seed: int
    takes: int
    sampler: str
    steps: int
    cfg_scale: float
    align_scale: float
    vocoder: str
    loudness_lufs: float | None = None
    seed_family: int | None = None
    variation: float = VARIATION
    palette: str | None = None

    def seed_of(self, take: int) -> int:
        """The seed that this take is begun with."""
        return (self.seed + take) % (SEED_MAX + 1)


def used_settings(
    settings: GenerateSettings, defaults: SamplingDefaults, graphs: Collection[str] = ()
) -> UsedSettings:
    """Fill in what the request left to the bundle, which has ``graphs``.

    Whether it has the sound is not looked at.

    Raises:
        SettingInvalid: the sampler or the vocoder is not known, or the vocoder not installed or
            not in the bundle.
        BundleIncomplete: the bundle's own vocoder is not known, or it lacks its graph.
    """
    sampler = defaults.sampler if settings.sampler is None else settings.sampler
    sampler_named(sampler)
    vocoder = settings.vocoder
    if vocoder is None:
        vocoder = _bundles_vocoder(defaults, graphs)
    vocoder_named(vocoder, graphs)
    return UsedSettings(
        seed=settings.seed,
        takes=settings.takes,
        sampler=sampler,
        steps=defaults.steps if settings.steps is None else settings.steps,
        cfg_scale=defaults.cfg_scale if settings.cfg_scale is None else settings.cfg_scale,
        align_scale=defaults.align_scale if settings.align_scale is None else settings.align_scale,
        vocoder=vocoder,
        loudness_lufs=settings.loudness_lufs,
        seed_family=settings.seed_family,
        variation=settings.variation,
        palette=settings.palette,
    )


def _bundles_vocoder(defaults: SamplingDefaults, graphs: Collection[str]) -> str:
    kind = VOCODERS.get(defaults.vocoder)
    if kind is None:
        raise BundleIncomplete(
            f"The bundle asks for the vocoder {defaults.vocoder!r}, which this release lacks.",
            remedy=f"Update the server, or ask for one of {', '.join(VOCODERS)}.",
        )
    if kind.graph is not None and kind.graph not in graphs:
        raise BundleIncomplete(
            f"The bundle asks for the vocoder {defaults.vocoder!r}, but lacks its graph.",
            remedy=kind.remedy,
        )
    return defaults.vocoder


def provenance(
    manifest: Manifest, sha256: str, settings: UsedSettings, take: int, seed: int, clip: Clip
) -> dict[str, Any]:
    """How a take was made. Names the source's file but no folder of the artist's."""
    family = settings.seed_family
    return {
        "bundle": manifest.name,
        "bundle_version": manifest.version,
        "bundle_sha256": sha256,
        "licence": manifest.licence,
        "seed": seed,
        "seed_family": family,
        "variation": None if family is None else settings.variation,
        "take": take,
        "sampler": settings.sampler,
        "steps": settings.steps,
        "cfg_scale": settings.cfg_scale,
        "align_scale": settings.align_scale,
        "vocoder": settings.vocoder,
        "palette": settings.palette,
        "source_file": PurePath(clip.path).name,
        "start_s": clip.start_s,
        "duration_s": clip.duration_s,
        "speed": clip.speed,
        "versions": _versions(),
    }


def measured(finished: Finished, target_lufs: float | None) -> dict[str, float | None]:
    """How loud a take came out, and what was done for that."""
    loudness_lufs = finished.level.integrated_lufs
    return {
        "loudness_target_lufs": target_lufs,
        "loudness_lufs": None if loudness_lufs is None else round(loudness_lufs, _DECIMALS),
        "true_peak_dbtp": round(finished.level.true_peak_dbtp, _DECIMALS),
        "gain_db": round(finished.gain_db, _DECIMALS),
    }


def _versions() -> dict[str, str]:
    found = {"foleyline": PACKAGE_VERSION, "numpy": np.__version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
