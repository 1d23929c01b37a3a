"""Sound to log-mel, as the bundle's MelSpec says; the server holds the inverse.

The mel scale is Slaney's, with area-normalised triangles, as librosa's default and as
Diff-Foley's ``wav2spec.py`` use it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foleyline_contract.specs import MelSpec

_LINEAR_HZ_PER_MEL = 200 / 3
_LOG_START_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27


def _to_mel(hz: float) -> float:
    if hz < _LOG_START_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _LOG_START_HZ / _LINEAR_HZ_PER_MEL + np.log(hz / _LOG_START_HZ) / _LOG_STEP


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _LOG_START_HZ / _LINEAR_HZ_PER_MEL
    return np.where(
        mel < knee, mel * _LINEAR_HZ_PER_MEL, _LOG_START_HZ * np.exp(_LOG_STEP * (mel - knee))
    )


def mel_filters(spec: MelSpec) -> NDArray[np.float32]:
    """Filter bank ``(bands, n_fft // 2 + 1)``; row b weighs the STFT's magnitudes."""
    bins_hz = np.linspace(0, spec.rate_hz / 2, spec.n_fft // 2 + 1)
    edges = _to_hz(np.linspace(_to_mel(spec.fmin_hz), _to_mel(spec.fmax_hz), spec.bands + 2))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins_hz - low) / (centre - low)
    falling = (high - bins_hz) / (high - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (high - low)).astype(np.float32)


class LogMel:
    """Computes log-mels on a device; holds the filter bank and the window."""

    def __init__(self, spec: MelSpec, device: torch.device | None = None) -> None:
        self.spec = spec
        self.filters = torch.from_numpy(mel_filters(spec)).to(device)
        self.window = torch.hann_window(spec.n_fft, device=device)

    def __call__(self, sound: Tensor) -> Tensor:
        """``sound`` (batch, samples) in [-1, 1] to (batch, bands, samples // hop) in [0, 1].

        Frame k is centred on sample k * hop. The frame after the last sample is left out, so
        that a second of sound gives exactly rate / hop frames.
        """
        spec = self.spec
        stft = torch.stft(
            sound,
            spec.n_fft,
            spec.hop,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        mel = self.filters @ stft.abs()[..., : sound.shape[-1] // spec.hop]
        db = spec.db_per_decade * mel.clamp_min(spec.floor).log10()
        return ((db - spec.db_shift) / spec.db_range).clamp(0, 1)
