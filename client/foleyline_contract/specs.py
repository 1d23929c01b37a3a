"""Every rate, size and duration of a model, with what follows from them.

The values live in a bundle's ``bundle.json`` (see bundle.py) or, before a bundle exists,
in a training configuration; this module says what the numbers are called and derives the
rest. Times are rational so that long edits cannot drift (DESIGN.md, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

TAKE_RATE_HZ = 48_000
TAKE_SAMPLE_BYTES = 3
"""Takes are 48 kHz, mono, 24-bit little-endian PCM."""


def take_sample_count(duration_s: Fraction) -> int:
    """Samples of a take that lasts ``duration_s``: ``round(frames * 48000 * fps_base / fps)``."""
    return round(duration_s * TAKE_RATE_HZ)


@dataclass(frozen=True, slots=True)
class PictureSpec:
    """The grid of pictures a model sees.

    Grid point n shows the last source frame with time stamp <= n / fps + phase_s.
    """

    fps: Fraction
    phase_s: Fraction
    height_px: int
    width_px: int
    value_max: float
    """Pictures are RGB floats in [0, value_max]."""
    resize: str
    """``squash-bilinear``: aspect ignored, antialiased when shrinking."""

    def count_for(self, duration_s: Fraction) -> int:
        """Grid points needed to cover ``duration_s``."""
        return max(1, ceil(duration_s * self.fps))


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """CAVP features: one vector of ``dim`` per picture, ``per_window`` of them per window."""

    dim: int
    per_window: int
    margin: int
    """Pictures on either side that a feature depends on (the encoder's receptive field)."""
    condition_dim: int


@dataclass(frozen=True, slots=True)
class LatentSpec:
    """The diffusion's latent: ``shape`` without the batch axis, time last."""

    shape: tuple[int, ...]
    scale_factor: float
    """Latents are multiplied by this for diffusion and divided by it before decoding."""


@dataclass(frozen=True, slots=True)
class MelSpec:
    """Log-mel spectrogram: ``clip(( db_per_decade * log10(max(floor, mel)) - db_shift ) / db_range)``.

    mel = filters @ |STFT| (magnitude, Hann, centred); values lie in [0, 1].
    The official system's mapping is db_per_decade 20, db_shift -80, db_range 100, floor 1e-5.
    """

    rate_hz: int
    n_fft: int
    hop: int
    bands: int
    fmin_hz: float
    fmax_hz: float
    floor: float
    db_per_decade: float
    db_shift: float
    db_range: float

    def frames_for(self, duration_s: Fraction) -> int:
        """Mel frames needed to cover ``duration_s``."""
        return ceil(duration_s * self.rate_hz / self.hop)


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """The diffusion's noise schedule.

    kind ``scaled-linear``: betas = linspace(sqrt(beta_start), sqrt(beta_end), steps) ** 2.
    prediction: what the UNet returns, ``epsilon``, ``x0`` or ``v``.
    """

    kind: str
    steps: int
    beta_start: float
    beta_end: float
    prediction: str


@dataclass(frozen=True, slots=True)
class SamplingDefaults:
    """What a request gets when it does not say otherwise."""

    sampler: str
    steps: int
    cfg_scale: float
    align_scale: float


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Every number the run time needs to know about one model."""

    picture: PictureSpec
    features: FeatureSpec
    latent: LatentSpec
    mel: MelSpec
    schedule: ScheduleSpec
    defaults: SamplingDefaults

    @property
    def window_s(self) -> Fraction:
        """Picture time one window covers."""
        return Fraction(self.features.per_window) / self.picture.fps

    @property
    def window_mel_frames(self) -> int:
        """Mel frames that one decoded latent window has to give for its picture time."""
        return self.mel.frames_for(self.window_s)
