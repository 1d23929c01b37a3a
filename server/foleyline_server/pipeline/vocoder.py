"""Log-mel to waveform: non-negative least squares, then Griffin-Lim with momentum.

Long clips are done in blocks; a block begins on frames that the one before it has already
finished and keeps them, so that the two say the same where they are joined.

Sources: Griffin & Lim 1984; Perraudin et al. 2013 (fast Griffin-Lim); Lee & Seung 2001
(multiplicative updates).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.noise import random_phases
from foleyline_server.pipeline.stft import Stft

Floats = NDArray[np.float32]
Complexes = NDArray[np.complex64]
_BLOCK_FRAMES = 2048
_JOIN_FRAMES = 32
"""Frames two blocks share."""
_PINNED_FRAMES = 24
"""Of those, how many the later block takes over as they are; the rest lacked their future."""
_NNLS_STEPS = 30
_PHASE_STEPS = 32
_STEPS_PER_CHECK = 8
_MOMENTUM = np.float32(0.99)
_TINY = np.float32(1e-8)


@dataclass(frozen=True, slots=True)
class Vocoder:
    """Inverts the mels of one bundle.

    Args:
        spec: the bundle's mel.
        filters: (bands, n_fft // 2 + 1).
    """

    spec: MelSpec
    filters: Floats

    def __call__(
        self, mel: Floats, seed: int, step: Callable[[int, int], None] = lambda _i, _n: None
    ) -> Floats:
        """Sound of a log-mel (bands, frames) in [0, 1]; float32 (frames * hop,) at ``rate_hz``.

        Sample k * hop is the centre of mel frame k. ``step`` is called with (done, all) every
        few iterations and may raise to stop.
        """
        stft = Stft(self.spec.n_fft, self.spec.hop)
        frames = mel.shape[1]
        # One frame more, so that the last hop has a frame on both its sides.
        padded = np.concatenate([mel, mel[:, -1:]], axis=1)
        starts = _block_starts(frames + 1)
        steps = len(starts) * _PHASE_STEPS
        sound = np.zeros((frames * self.spec.hop,), np.float32)
        for block, start in enumerate(starts):
            end = min(start + _BLOCK_FRAMES, frames + 1)
            magnitude = self.magnitude(padded[:, start:end])
            phases = random_phases(seed, block, magnitude.shape)
            spectrum = magnitude * np.exp(1j * phases).astype(np.complex64)
            pinned = None if block == 0 else _taken_over(stft, sound, start)

            def progress(done: int, block: int = block) -> None:
                step(block * _PHASE_STEPS + done, steps)

            part = _reconstruct(stft, magnitude, spectrum, pinned, progress)
            _join(sound, part, start * self.spec.hop, block > 0, self.spec.hop)
        return sound

    def magnitude(self, mel: Floats) -> Floats:
        """STFT magnitudes (frames, n_fft // 2 + 1) whose mel is the given log-mel (bands, frames).

        Zero log-mel means anything at or below the analysis floor: it becomes silence.
        """
        spec = self.spec
        level = (np.clip(mel, 0, 1) * spec.db_range + spec.db_shift) / spec.db_per_decade
        linear = np.where(mel > 0, 10.0**level, 0.0).astype(np.float32).T
        filters = self.filters
        inverse = np.linalg.pinv(filters).astype(np.float32)
        used = (filters.sum(axis=0) > 0).astype(np.float32)
        estimate = np.maximum(linear @ inverse.T, _TINY) * used
        wanted = linear @ filters
        for _ in range(_NNLS_STEPS):
            estimate *= wanted / ((estimate @ filters.T) @ filters + _TINY)
        return estimate


def _block_starts(frames: int) -> range:
    hop = _BLOCK_FRAMES - _JOIN_FRAMES
    return range(0, max(1, frames - _JOIN_FRAMES), hop)


def _taken_over(stft: Stft, sound: Floats, start: int) -> Complexes:
    """The first frames of a block as the block before it has left them."""
    half = stft.n_fft // 2
    first = start * stft.hop - half
    last = first + (_PINNED_FRAMES - 1) * stft.hop + stft.n_fft
    return stft.frames(np.ascontiguousarray(sound[first:last]))


def _join(sound: Floats, part: Floats, first: int, fade: bool, hop: int) -> None:
    """Put a block's sound in its place, fading over in the middle of the pinned frames."""
    part = part[: len(sound) - first]
    if not fade:
        sound[first : first + len(part)] = part
        return
    begin, length = _PINNED_FRAMES // 3 * hop, _PINNED_FRAMES // 3 * hop
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    middle = slice(first + begin, first + begin + length)
    sound[middle] += ramp * (part[begin : begin + length] - sound[middle])
    sound[first + begin + length : first + len(part)] = part[begin + length :]


def _reconstruct(
    stft: Stft,
    magnitude: Floats,
    spectrum: Complexes,
    pinned: Complexes | None,
    progress: Callable[[int], None],
) -> Floats:
    """Sound (frames * hop,) whose STFT has nearly the given magnitudes (frames, bins)."""
    count = 0 if pinned is None else min(len(pinned), len(spectrum))
    before = np.zeros_like(spectrum)
    for index in range(_PHASE_STEPS):
        if pinned is not None:
            spectrum[:count] = pinned[:count]
        rebuilt = stft.forward(stft.inverse(spectrum), len(spectrum))
        ahead = rebuilt + (_MOMENTUM / (1 + _MOMENTUM)) * (rebuilt - before)
        before = rebuilt
        size = np.sqrt(ahead.real**2 + ahead.imag**2) + _TINY
        spectrum = np.multiply(ahead, np.divide(magnitude, size))
        if (index + 1) % _STEPS_PER_CHECK == 0:
            progress(index + 1)
    if pinned is not None:
        spectrum[:count] = pinned[:count]
    return stft.inverse(spectrum)
