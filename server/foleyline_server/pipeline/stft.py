"""The short-time Fourier transform and its inverse, vectorised, float32."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Complexes = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Stft:
    """A centred transform with a periodic Hann window: frame k is centred on sample k * hop."""

    n_fft: int
    hop: int
    window: Floats = field(init=False)

    def __post_init__(self) -> None:
        phase = 2 * np.pi * np.arange(self.n_fft) / self.n_fft
        object.__setattr__(self, "window", (0.5 - 0.5 * np.cos(phase)).astype(np.float32))

    def forward(self, sound: Floats, count: int) -> Complexes:
        """``count`` frames (count, n_fft // 2 + 1) of a sound that is silent outside."""
        half = self.n_fft // 2
        needed = (count - 1) * self.hop + self.n_fft
        padded = np.zeros(max(needed, half + len(sound)), np.float32)
        padded[half : half + len(sound)] = sound
        return self.frames(padded[:needed])

    def frames(self, sound: Floats) -> Complexes:
        """Frames of a sound as it is: frame k begins on sample k * hop."""
        count = (len(sound) - self.n_fft) // self.hop + 1
        size = sound.itemsize
        view = as_strided(sound, (count, self.n_fft), (self.hop * size, size), writeable=False)
        return np.fft.rfft(view * self.window, axis=1).astype(np.complex64, copy=False)

    def inverse(self, spectrum: Complexes) -> Floats:
        """Least-squares inverse of ``forward``: sound (frames * hop,)."""
        frames = np.fft.irfft(spectrum, self.n_fft, axis=1).astype(np.float32, copy=False)
        summed = self._overlap_add(frames * self.window)
        power = self._overlap_add(np.broadcast_to(self.window**2, frames.shape))
        half, length = self.n_fft // 2, len(spectrum) * self.hop
        needed = half + length
        summed, power = _lengthen(summed, needed), _lengthen(power, needed)
        return np.divide(summed, np.maximum(power, np.float32(1e-3)))[half:needed]

    def _overlap_add(self, frames: Floats) -> Floats:
        """Frames (count, n_fft) added where they lie, ``hop`` apart."""
        count, pieces = len(frames), -(-self.n_fft // self.hop)
        padded = frames
        if pieces * self.hop != self.n_fft:
            padded = np.zeros((count, pieces * self.hop), np.float32)
            padded[:, : self.n_fft] = frames
        out = np.zeros((count + pieces - 1, self.hop), np.float32)
        for piece in range(pieces):
            out[piece : piece + count] += padded[:, piece * self.hop : (piece + 1) * self.hop]
        return out.reshape(-1)


def _lengthen(values: Floats, length: int) -> Floats:
    if len(values) >= length:
        return values
    return np.concatenate([values, np.zeros(length - len(values), np.float32)])
