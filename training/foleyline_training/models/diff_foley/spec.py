"""The numbers of the released Diff-Foley: ``MODEL`` for the run time, ``Sizes`` for its networks.

Source: https://github.com/luosiallen/Diff-Foley at 0ba1e8a, the files named below.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from foleyline_contract.specs import (
    AlignerSpec,
    FeatureSpec,
    LatentSpec,
    MelSpec,
    ModelSpec,
    PictureSpec,
    SamplingDefaults,
    ScheduleSpec,
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What networks need and a bundle does not say. Channels are multiples of 32.

    Source: inference/config/diff_foley_inference.yaml, inference/model/cavp_modules.py.
    """

    video_channels: int = 64
    video_blocks: tuple[int, ...] = (3, 4, 6, 3)
    video_sees_time: tuple[bool, ...] = (False, False, True, True)
    """Stages whose blocks look one picture to either side (kernels 3x1x1)."""
    spectrogram_channels: int = 64
    unet_channels: int = 320
    unet_multipliers: tuple[int, ...] = (1, 2, 4, 4)
    unet_blocks: int = 2
    classifier_channels: int = 128
    classifier_multipliers: tuple[int, ...] = (1, 2, 2)
    classifier_blocks: int = 1
    autoencoder_channels: int = 128
    autoencoder_multipliers: tuple[int, ...] = (1, 2, 4, 4)
    autoencoder_blocks: int = 2
    heads: int = 8
    positions: int = 40
    """Rows of the condition encoders' position table: the most features they take."""

    @property
    def video_margin(self) -> int:
        """Pictures on either side that a feature depends on: one for each 3x1x1 kernel."""
        stages = zip(self.video_blocks, self.video_sees_time, strict=True)
        return sum(blocks for blocks, sees_time in stages if sees_time)


RELEASED = Sizes()

MODEL = ModelSpec(
    picture=PictureSpec(
        fps=Fraction(4),
        # Its pictures went through ffmpeg's fps filter, which rounds to the nearest grid point.
        phase_s=Fraction(1, 8),
        height_px=224,
        width_px=224,
        value_max=1.0,
        resize="squash-bilinear",
    ),
    features=FeatureSpec(dim=512, per_window=32, margin=RELEASED.video_margin, condition_dim=768),
    latent=LatentSpec(shape=(4, 16, 64), scale_factor=0.18215),
    # data_preprocess/wav2spec.py
    mel=MelSpec(
        rate_hz=16_000,
        n_fft=1024,
        hop=256,
        bands=128,
        fmin_hz=125.0,
        fmax_hz=7600.0,
        floor=1e-5,
        db_per_decade=20.0,
        db_shift=-80.0,
        db_range=100.0,
    ),
    schedule=ScheduleSpec(
        kind="scaled-linear", steps=1000, beta_start=0.00085, beta_end=0.012, prediction="epsilon"
    ),
    # The published sampler feeds the classifier raw features, though it was trained on encoded
    # ones; its guidance scale of 50 was chosen that way (inference/diff_foley_inference.ipynb).
    aligner=AlignerSpec(condition="raw"),
    defaults=SamplingDefaults(
        sampler="dpm-solver++2m",
        steps=25,
        cfg_scale=4.5,
        align_scale=50.0,
        vocoder="griffin-lim",
    ),
)
