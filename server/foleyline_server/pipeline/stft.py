"""The short-time Fourier transform and its inverse, vectorised, float32."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Complexes = NDArray[np.complex64]
_POWER_MIN = np.float32(1e-3)
"""Summed window power below which a sample is not scaled up any further."""


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
        windowed = _framed(sound, self.n_fft, self.hop) * (self.window * self.n_fft)
        # NumPy computes in double precision when it is to scale by its default, an integer 1:
        # five times slower. So it scales by 1 / n_fft, which the window makes up for.
        return np.fft.rfft(windowed, axis=1, norm="forward").astype(np.complex64, copy=False)

    def inverse(self, spectrum: Complexes) -> Floats:
        """Least-squares inverse of ``forward``: sound (frames * hop,)."""
        half, length = self.n_fft // 2, len(spectrum) * self.hop
        sound = np.zeros(half + length, np.float32)
        summed = ConsistentSpectrum(self, len(spectrum)).sound_of(spectrum)[: half + length]
        sound[: len(summed)] = summed
        return sound[half:]


class ConsistentSpectrum:
    """Inverse and forward in one, again and again for ``count`` frames, in buffers of its own.

    Most of the time of a plain ``forward(inverse(...))`` goes into fresh memory.
    """

    def __init__(self, stft: Stft, count: int) -> None:
        self._stft = stft
        pieces = -(-stft.n_fft // stft.hop)
        self._frames = np.zeros((count, pieces * stft.hop), np.float32)
        """Rows are as long as whole hops; what lies after ``n_fft`` stays zero."""
        self._sound = np.zeros((count + pieces - 1, stft.hop), np.float32)
        self._forward_window = stft.window * np.float32(stft.n_fft)
        power = np.zeros(pieces * stft.hop, np.float32)
        power[: stft.n_fft] = stft.window**2
        summed = np.zeros_like(self._sound)
        for piece in range(pieces):
            summed[piece : piece + count] += power[piece * stft.hop : (piece + 1) * stft.hop]
        self._scale = 1 / np.maximum(summed, _POWER_MIN)

    def __call__(self, spectrum: Complexes, out: Complexes) -> None:
        """Write into ``out`` the spectrum of the sound that ``spectrum`` (count, bins) means."""
        stft, half = self._stft, self._stft.n_fft // 2
        sound = self.sound_of(spectrum)
        sound[:half] = 0
        sound[half + len(spectrum) * stft.hop :] = 0
        windowed = self._frames[:, : stft.n_fft]
        framed = _framed(sound, stft.n_fft, stft.hop)[: len(spectrum)]
        np.multiply(framed, self._forward_window, out=windowed)
        out[:] = np.fft.rfft(windowed, axis=1, norm="forward")

    def sound_of(self, spectrum: Complexes) -> Floats:
        """Sound whose frame k begins on sample k * hop; the next call overwrites it."""
        stft, count = self._stft, len(spectrum)
        frames = self._frames[:, : stft.n_fft]
        np.multiply(np.fft.irfft(spectrum, stft.n_fft, axis=1), stft.window, out=frames)
        self._sound[:] = 0
        for piece in range(self._frames.shape[1] // stft.hop):
            part = self._frames[:, piece * stft.hop : (piece + 1) * stft.hop]
            self._sound[piece : piece + count] += part
        self._sound *= self._scale
        return self._sound.reshape(-1)


def _framed(sound: Floats, n_fft: int, hop: int) -> Floats:
    """A view (count, n_fft): row k begins on sample k * hop."""
    count = (len(sound) - n_fft) // hop + 1
    size = sound.itemsize
    return as_strided(sound, (count, n_fft), (hop * size, size), writeable=False)
