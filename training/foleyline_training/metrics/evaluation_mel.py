"""Log-mels as the classifier reads them that published figures were measured with.

Diff-Foley reports inception score, Frechet distance and KL divergence of SpecVQGAN's Melception,
a classifier of 80-band log-mels at 22 050 Hz, while the model makes 128-band ones at 16 kHz.
Its authors convert the mels and not the sound. Figures that are to be compared with theirs need
the same conversion, flaws included; nothing else should use it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import soxr
from numpy.typing import NDArray

from foleyline_contract.specs import MelSpec
from foleyline_training.data.mel import mel_filters

RATE_HZ = 22_050
BANDS = 80


def evaluation_mel(mel: NDArray[np.float32], spec: MelSpec) -> NDArray[np.float32]:
    """Convert a log-mel the way the released evaluation does.

    What it gives is not the mel of the same sound at 22 050 Hz:

    - Both filter banks reach from 0 to half their rate, though the model's bands span
      125 to 7600 Hz, and so do Melception's.
    - The 513 bins of an STFT at 16 kHz are then read as bins at 22 050 Hz, so that all
      pitches rise by 1.38.
    - Frames are resampled as if a band's magnitudes were sound. That rings, and so does the
      pseudo-inverse: some magnitudes fall below zero, and below the floor in the end.

    Args:
        mel: (bands, frames), in [0, 1].
        spec: what ``mel`` was made with; its mapping to decibels is kept.

    Returns:
        (80, frames * 22050 / rate), in [0, 1]; 706 frames for 512 at 16 kHz.

    Source: Diff-Foley at 0ba1e8a, evaluation/transform_spec.py, with librosa's present
    resampler; the one of its time (``kaiser_best``) differs by 3 % (relative L2).
    """
    whole = replace(spec, fmin_hz=0.0, fmax_hz=spec.rate_hz / 2)
    target = replace(spec, rate_hz=RATE_HZ, bands=BANDS, fmin_hz=0.0, fmax_hz=RATE_HZ / 2)
    magnitude = 10 ** ((mel * spec.db_range + spec.db_shift) / spec.db_per_decade)
    frames = np.asarray(soxr.resample(magnitude.T, spec.rate_hz, RATE_HZ, quality="HQ"))
    stft = np.linalg.pinv(mel_filters(whole)) @ frames.T  # (n_fft // 2 + 1, frames)
    bands = np.maximum(spec.floor, mel_filters(target) @ stft)
    db = spec.db_per_decade * np.log10(bands)
    return np.clip((db - spec.db_shift) / spec.db_range, 0, 1).astype(np.float32)
