"""Every rate, size and duration of a model, with what follows from them.

The values live in a bundle's ``bundle.json`` (see bundle.py) or, before a bundle exists,
in a training configuration; this module says what the numbers are called and derives the
rest. Times are rational so that long edits cannot drift (DESIGN.md, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from foleyline_contract.palette import check_palette

TAKE_RATE_HZ = 48_000
TAKE_SAMPLE_BYTES = 3
"""Takes are 48 kHz, mono, 24-bit little-endian PCM."""


def _above_zero(**values: float | Fraction) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} is {value}, but must be above zero")


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

    def __post_init__(self) -> None:
        _above_zero(fps=self.fps, height_px=self.height_px, width_px=self.width_px)
        _above_zero(value_max=self.value_max)

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

    def __post_init__(self) -> None:
        _above_zero(dim=self.dim, per_window=self.per_window, condition_dim=self.condition_dim)
        if self.margin < 0:
            raise ValueError("margin is below zero")


@dataclass(frozen=True, slots=True)
class LatentSpec:
    """The diffusion's latent: ``shape`` without the batch axis, time last."""

    shape: tuple[int, ...]
    scale_factor: float
    """Latents are multiplied by this for diffusion and divided by it before decoding."""

    def __post_init__(self) -> None:
        _above_zero(
            scale_factor=self.scale_factor, **{f"shape[{i}]": n for i, n in enumerate(self.shape)}
        )
        if not self.shape:
            raise ValueError("shape is empty")


@dataclass(frozen=True, slots=True)
class MelSpec:
    """Log-mel spectrogram.

    ``clip((db_per_decade * log10(max(floor, mel)) - db_shift) / db_range, 0, 1)``, where
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

    def __post_init__(self) -> None:
        _above_zero(rate_hz=self.rate_hz, n_fft=self.n_fft, hop=self.hop, bands=self.bands)
        _above_zero(floor=self.floor, db_per_decade=self.db_per_decade, db_range=self.db_range)
        if not 0 <= self.fmin_hz < self.fmax_hz <= self.rate_hz / 2:
            raise ValueError("fmin_hz and fmax_hz do not lie in order below half of rate_hz")

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

    def __post_init__(self) -> None:
        _above_zero(steps=self.steps, beta_start=self.beta_start, beta_end=self.beta_end)


ALIGNER_CONDITIONS = ("encoded", "raw")


@dataclass(frozen=True, slots=True)
class AlignerSpec:
    """The alignment classifier of double guidance.

    condition: what its networks read of the features. ``encoded``: what they were trained on,
    the features through the classifier's own condition encoder. ``raw``: the features as they
    are, which is what the released Diff-Foley sampler feeds (see docs/models/diff-foley.md).
    The graph takes features either way; this says what was built into it.
    """

    condition: str

    def __post_init__(self) -> None:
        if self.condition not in ALIGNER_CONDITIONS:
            raise ValueError(f"condition is {self.condition!r}, not one of {ALIGNER_CONDITIONS}")


@dataclass(frozen=True, slots=True)
class SamplingDefaults:
    """What a request gets when it does not say otherwise.

    Attributes:
        palette_scale: how much a sound that is asked for counts: the condition with it is pushed
            away from the one without, so many times as far. Only the bundle says so.
    """

    sampler: str
    steps: int
    cfg_scale: float
    align_scale: float
    vocoder: str
    palette_scale: float = 1.0

    def __post_init__(self) -> None:
        _above_zero(steps=self.steps)
        if min(self.cfg_scale, self.align_scale, self.palette_scale) < 0:
            raise ValueError("cfg_scale, align_scale or palette_scale is below zero")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Every number the run time needs to know about one model."""

    picture: PictureSpec
    features: FeatureSpec
    latent: LatentSpec
    mel: MelSpec
    schedule: ScheduleSpec
    aligner: AlignerSpec
    defaults: SamplingDefaults
    palette: tuple[str, ...] = ()
    """Categories of sound that can be asked for, in the order of the condition encoder's input;
    empty for a model that goes by the picture alone."""

    def __post_init__(self) -> None:
        check_palette(self.palette)

    @property
    def window_s(self) -> Fraction:
        """Picture time one window covers."""
        return Fraction(self.features.per_window) / self.picture.fps

    @property
    def window_mel_frames(self) -> int:
        """Mel frames that one decoded latent window has to give for its picture time."""
        return self.mel.frames_for(self.window_s)
