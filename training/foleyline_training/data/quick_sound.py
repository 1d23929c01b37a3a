"""A sound for a log-mel, good enough to listen in during training; the server's is better."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from foleyline_contract.specs import MelSpec
from foleyline_training.data.mel import mel_filters

ITERATIONS = 32
MOMENTUM = 0.99
"""Source: Perraudin et al., A fast Griffin-Lim algorithm, 2013."""


def quick_sound(mel: NDArray[np.float32], spec: MelSpec) -> NDArray[np.float32]:
    """Sound (samples,) in [-1, 1] of a log-mel (bands, frames) in [0, 1].

    The same mel always sounds the same.
    """
    db = np.clip(mel, 0, 1).astype(np.float32) * spec.db_range + spec.db_shift
    bands = 10 ** (db / spec.db_per_decade)
    bands[mel <= 0] = 0  # what lies at the bottom is silence, not a hiss
    linear = np.linalg.pinv(mel_filters(spec)) @ bands
    magnitude = torch.from_numpy(np.maximum(linear, 0).astype(np.float32))
    window = torch.hann_window(spec.n_fft)
    samples = magnitude.shape[1] * spec.hop

    def sound_of(spectrum: torch.Tensor) -> torch.Tensor:
        return torch.istft(spectrum, spec.n_fft, spec.hop, window=window, length=samples)

    def spectrum_of(sound: torch.Tensor) -> torch.Tensor:
        whole = torch.stft(sound, spec.n_fft, spec.hop, window=window, return_complex=True)
        return whole[:, : magnitude.shape[1]]

    turns = np.random.default_rng(0).uniform(-np.pi, np.pi, magnitude.shape)
    phase = torch.polar(torch.ones_like(magnitude), torch.from_numpy(turns.astype(np.float32)))
    before = torch.zeros_like(phase)
    for _ in range(ITERATIONS):
        rebuilt = spectrum_of(sound_of(magnitude * phase))
        ahead = rebuilt + MOMENTUM * (rebuilt - before)
        phase = ahead / ahead.abs().clamp_min(1e-12)
        before = rebuilt
    sound = sound_of(magnitude * phase)
    return (sound / sound.abs().max().clamp_min(1.0)).numpy()
