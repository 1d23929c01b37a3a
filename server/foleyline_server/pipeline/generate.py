"""From a clip to its takes: the story, told once.

Pictures are decoded and encoded once for all takes; then every take is sampled, decoded,
vocoded and finished by itself, so that it is the same whatever else the job holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.messages import TAKE_FLAGS, Clip
from foleyline_server.media.pictures import Pictures, Pixels, as_values
from foleyline_server.pipeline.features import encode_windows, window_grid
from foleyline_server.pipeline.pcm import finish, peak_dbfs, to_pcm
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import UsedSettings, measured, provenance
from foleyline_server.pipeline.samplers.base import Latent
from foleyline_server.pipeline.sampling import SeenClip, sample
from foleyline_server.pipeline.vocoders import vocoder_named
from foleyline_server.pipeline.windows import OVERLAP, WindowPlan, plan_windows
from foleyline_server.runtime.bundles import LoadedBundle

Floats = NDArray[np.float32]
_TAIL_MEL_FRAMES = 16
"""Vocoded past the clip's end, so that its last moment has a future."""
_PCM_SAMPLES = 1 << 20
"""Turned into bytes at a time."""
_NEAR_SILENT, _REROLLED = TAKE_FLAGS
_REROLL_BIT = 1 << 30
"""Flipped in a seed it gives the other one to try: far from the seeds of the job's other takes."""


@dataclass(frozen=True, slots=True)
class Take:
    """One finished take; ``pcm`` is 48 kHz mono 24-bit little-endian.

    Attributes:
        seed: gives this very take again, asked for alone with the same settings.
        loudness_lufs: integrated; None when it is too short or too quiet to have one.
        flags: of TAKE_FLAGS.
    """

    number: int
    seed: int
    pcm: bytes
    sample_count: int
    peak_dbfs: float
    loudness_lufs: float | None
    log_p_aligned: float | None
    flags: tuple[str, ...]
    provenance: Mapping[str, Any]


def generate(
    clip: Clip,
    settings: UsedSettings,
    bundle: LoadedBundle,
    meter: Meter,
    pictures: Pictures,
    overlap: Fraction = OVERLAP,
) -> Iterator[Take]:
    """Yield the clip's takes, one after the other.

    ``pictures`` is where the clip's come from. ``overlap`` is the planner's; only measurements of
    seams give another.

    Raises:
        InputError: the clip's file cannot be used.
        Cancelled: ``meter`` said so.
        BundleError, OutOfMemory, ServerError: the networks cannot do it.
    """
    seen = see(clip, bundle, meter, pictures, overlap)
    for number in range(settings.takes):
        yield make_take(seen, clip, settings, bundle, number, meter)


def make_take(
    seen: SeenClip,
    clip: Clip,
    settings: UsedSettings,
    bundle: LoadedBundle,
    number: int,
    meter: Meter,
) -> Take:
    """Take ``number`` of what was seen of a clip; a near-silent one is tried once more.

    Raises:
        Cancelled: ``meter`` said so.
        BundleError, OutOfMemory, ServerError: the networks cannot do it.
    """
    attempt = partial(_attempt, seen, clip, settings, bundle, number, meter)
    seed = settings.seed_of(number)
    take = attempt(seed)
    return _heard(take, attempt(seed ^ _REROLL_BIT)) if _NEAR_SILENT in take.flags else take


def _attempt(
    seen: SeenClip,
    clip: Clip,
    settings: UsedSettings,
    bundle: LoadedBundle,
    number: int,
    meter: Meter,
    seed: int,
) -> Take:
    """What this seed gives, silent or not."""
    found, target_lufs = bundle.found, settings.loudness_lufs
    mel_spec = found.manifest.model.mel
    latent, log_p = sample(seen, bundle, settings, seed, meter, number)
    mel = decode(latent, seen.plan, bundle, meter)
    mel = mel[:, : mel_spec.frames_for(clip.duration_s) + _TAIL_MEL_FRAMES]
    vocoder = vocoder_named(settings.vocoder, bundle.graphs)(
        mel_spec, bundle.mel_filters, bundle.graphs
    )
    sound = vocoder(mel, seed, partial(meter.vocoding, number))
    done = finish(sound, mel_spec.rate_hz, clip.sample_count, target_lufs)
    del mel, sound  # a long clip's are large, and so are the bytes to come
    return Take(
        number=number,
        seed=seed,
        pcm=_to_bytes(done.sound),
        sample_count=len(done.sound),
        peak_dbfs=peak_dbfs(done.level),
        loudness_lufs=done.level.integrated_lufs,
        log_p_aligned=log_p,
        flags=(_NEAR_SILENT,) if done.near_silent else (),
        provenance={
            **provenance(found.manifest, found.sha256, settings, number, seed, clip),
            **measured(done, target_lufs),
        },
    )


def _heard(silent: Take, again: Take) -> Take:
    """The second try, if it is heard and fits the picture no worse than silence.

    Otherwise the first, whose seed leads here again.
    """
    scores = silent.log_p_aligned, again.log_p_aligned
    fits = scores[0] is None or scores[1] is None or scores[1] >= scores[0]
    kept = again if fits and _NEAR_SILENT not in again.flags else silent
    return replace(kept, flags=(*kept.flags, _REROLLED))


def plan_of(clip: Clip, bundle: LoadedBundle, overlap: Fraction = OVERLAP) -> WindowPlan:
    """Where a clip's windows lie."""
    model = bundle.found.manifest.model
    columns = model.latent.shape[-1]
    return plan_windows(clip.duration_s, model.window_s, columns, bundle.column_s, overlap)


def see(
    clip: Clip,
    bundle: LoadedBundle,
    meter: Meter,
    pictures: Pictures,
    overlap: Fraction = OVERLAP,
) -> SeenClip:
    """Decode the clip once and encode what each of its windows sees.

    A clip that ends before its last window does holds its last picture there.
    """
    model = bundle.found.manifest.model
    plan = plan_of(clip, bundle, overlap)
    grids = [
        window_grid(plan.start_s(window), clip.duration_s, model.picture.fps, model.features)
        for window in range(plan.count)
    ]
    meter.decoding()

    def look(times_s: Iterable[Fraction]) -> Iterator[Pixels]:
        return pictures(clip, model.picture, times_s, meter.check)

    def encode(seen: Sequence[Pixels]) -> Floats:
        meter.check()
        values = as_values(seen, model.picture)
        return bundle.graphs["video_encoder"](pictures=values[None])["features"][0]

    per_window = model.features.per_window
    features = np.empty((plan.count, per_window, model.features.dim), np.float32)
    encoded = encode_windows(grids, per_window, look, encode)
    for done, (window, part) in enumerate(encoded, start=1):
        features[window] = part
        meter.encoding(done, plan.count)
    return SeenClip(plan, features)


def decode(latent: Latent, plan: WindowPlan, bundle: LoadedBundle, meter: Meter) -> Floats:
    """Log-mel (bands, frames) of a latent canvas (*Z[:-1], columns) in diffusion scale."""
    spec = bundle.found.manifest.model.latent
    in_columns = plan.canvas()
    unscaled = latent / np.float32(spec.scale_factor)

    def batch(windows: range) -> Floats:
        meter.check()
        return bundle.graphs["latent_decoder"](latent=in_columns.cut(unscaled, windows))["mel"]

    return plan.canvas(bundle.mel_frames_per_column).blend(bundle.windows_per_batch, batch)


def _to_bytes(sound: Floats) -> bytes:
    """A sound's PCM, made in pieces: in between it is five times as large."""
    starts = range(0, len(sound), _PCM_SAMPLES)
    return b"".join(to_pcm(sound[start : start + _PCM_SAMPLES]) for start in starts)
