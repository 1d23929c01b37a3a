"""From a clip to its takes: the story, told once.

Pictures are decoded and encoded once for all takes; then every take is sampled, decoded,
vocoded and finished by itself, so that it is the same whatever else the job holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.messages import Clip
from foleyline_server.media.frames import iter_pictures
from foleyline_server.pipeline.features import encode_features, hold_last
from foleyline_server.pipeline.pcm import finish, peak_dbfs, to_pcm
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import UsedSettings, provenance
from foleyline_server.pipeline.sampling import SeenClip, sample
from foleyline_server.pipeline.vocoder import Vocoder
from foleyline_server.pipeline.windows import WindowPlan, plan_windows
from foleyline_server.runtime.bundles import LoadedBundle

Floats = NDArray[np.float32]
_TAIL_MEL_FRAMES = 16
"""Vocoded past the clip's end, so that its last moment has a future."""


@dataclass(frozen=True, slots=True)
class Take:
    """One finished take; ``pcm`` is 48 kHz mono 24-bit little-endian."""

    number: int
    seed: int
    pcm: bytes
    sample_count: int
    peak_dbfs: float
    log_p_aligned: float | None
    provenance: Mapping[str, Any]


def generate(
    clip: Clip, settings: UsedSettings, bundle: LoadedBundle, meter: Meter
) -> Iterator[Take]:
    """Yield the clip's takes, one after the other.

    Raises:
        InputError: the clip's file cannot be used.
        Cancelled: ``meter`` said so.
        BundleError, OutOfMemory, ServerError: the networks cannot do it.
    """
    found = bundle.found
    mel_spec = found.manifest.model.mel
    seen = see(clip, bundle, meter)
    vocoder = Vocoder(mel_spec, bundle.mel_filters)
    for number in range(settings.takes):
        seed = settings.seed_of(number)
        latent, log_p = sample(seen, bundle, settings, number, meter)
        mel = decode(latent, seen.plan, bundle, meter)
        mel = mel[:, : mel_spec.frames_for(clip.duration_s) + _TAIL_MEL_FRAMES]
        sound = vocoder(mel, seed, partial(meter.vocoding, number))
        sound = finish(sound, mel_spec.rate_hz, clip.sample_count)
        yield Take(
            number=number,
            seed=seed,
            pcm=to_pcm(sound),
            sample_count=len(sound),
            peak_dbfs=peak_dbfs(sound),
            log_p_aligned=log_p,
            provenance=provenance(found.manifest, found.sha256, settings, number, clip),
        )


def see(clip: Clip, bundle: LoadedBundle, meter: Meter) -> SeenClip:
    """Decode and encode the clip's pictures; a clip shorter than a window holds its last one."""
    model, graphs = bundle.found.manifest.model, bundle.graphs
    count = model.picture.count_for(clip.duration_s)
    plan = plan_windows(count, model.features.per_window, bundle.columns_per_feature)
    meter.decoding()

    def encode(pictures: Floats) -> Floats:
        meter.check()
        return graphs["video_encoder"](pictures=pictures[None])["features"][0]

    decoded = iter_pictures(clip, model.picture, check=meter.check)
    pictures = hold_last(decoded, plan.feature_count)
    pieces: list[Floats] = []
    done = 0
    for piece in encode_features(pictures, encode, model.features.margin):
        pieces.append(piece)
        done += len(piece)
        meter.encoding(done, plan.feature_count)
    track = np.concatenate(pieces)
    features = tuple(track[plan.feature_slice(window)] for window in range(plan.count))
    to_condition = graphs["condition_encoder"]
    conditions = tuple(to_condition(features=part[None])["condition"][0] for part in features)
    return SeenClip(plan, features, conditions)


def decode(latent: Floats, plan: WindowPlan, bundle: LoadedBundle, meter: Meter) -> Floats:
    """Log-mel (bands, frames) of a latent canvas (*Z[:-1], columns) in diffusion scale."""
    spec = bundle.found.manifest.model.latent
    columns = spec.shape[-1]
    in_columns = plan.canvas(bundle.columns_per_feature)
    in_mel_frames = plan.canvas(bundle.columns_per_feature * bundle.mel_frames_per_column)
    unscaled = latent / np.float32(spec.scale_factor)

    def one(window: int) -> Floats:
        meter.check()
        part = unscaled[..., in_columns.place(window, columns)]
        return bundle.graphs["latent_decoder"](latent=part[None])["mel"][0]

    return in_mel_frames.blend(bundle.window_mel_frames, one)
