"""Our inverse: Griffin-Lim that asks for the mel itself instead of for guessed magnitudes.

The textbook way first guesses STFT magnitudes whose mel fits and then looks for phases that fit
the guess. But a mel has a quarter of the numbers or fewer, and nearly any guess fits no sound at
all. Here the sound stays free to choose among all magnitudes with the right mel: each step
makes the spectrum consistent and scales its bins so that every band has its level again.

Long clips are done in blocks; a block begins on frames that the one before it has already
finished and keeps them, so that the two say the same where they are joined.

Sources: Griffin & Lim 1984; Perraudin et al. 2013 (the momentum); Masuyama et al. 2023, "Signal
reconstruction from mel-spectrogram based on bi-level consistency" (mel and phase sought at once,
there by gradient steps); Lee & Seung 2001 (scaling instead of gradient steps).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.noise import random_phases
from foleyline_server.pipeline.stft import ConsistentSpectrum, Stft
from foleyline_server.pipeline.vocoders.base import Floats, Step, magnitude_of, unheard
from foleyline_server.pipeline.vocoders.blocks import PINNED_FRAMES, Block, blocks, cut, join

Complexes = NDArray[np.complex64]
Check = Callable[[], None]
"""May raise to stop."""
Start = Callable[[Floats, Block, Check], Complexes]
"""Called with a mel (bands, frames), a block of it, and a check to make now and then.

Gives a spectrum (block's frames, n_fft // 2 + 1) to begin with."""
_ROUNDS = 40
_ROUNDS_PER_CHECK = 8
_MOMENTUM = np.float32(0.9)
_TINY = np.float32(1e-8)


@dataclass(frozen=True, slots=True)
class GriffinLim:
    """Inverts the mels of one bundle.

    Zero log-mel means anything at or below the analysis floor: it becomes silence.

    Args:
        spec: the bundle's mel.
        filters: (bands, n_fft // 2 + 1).
        rounds: how often the spectrum is made that of a sound with the right mel.
        start: what to begin with; white noise if there is nothing better.
    """

    spec: MelSpec
    filters: Floats
    rounds: int = _ROUNDS
    start: Start | None = None
    _stft: Stft = field(init=False)
    _shares: Floats = field(init=False)
    """(bands, bins): which part of a bin each band has; columns sum to 1, or 0 outside all."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_stft", Stft(self.spec.n_fft, self.spec.hop))
        whole = self.filters.sum(axis=0)
        shares = np.divide(self.filters, whole, where=whole > 0, out=np.zeros_like(self.filters))
        object.__setattr__(self, "_shares", shares)

    def __call__(self, mel: Floats, seed: int, step: Step = unheard) -> Floats:
        """Sound (frames * hop,) of a log-mel (bands, frames); see Vocoder."""
        frames, hop = mel.shape[1], self.spec.hop
        sound = np.zeros((frames * hop,), np.float32)
        # One frame more, so that the last hop has a frame on both its sides.
        for block in blocks(frames + 1):
            levels = self._levels(cut(mel, block.start, block.end))
            spectrum = self._first(mel, block, seed, step)
            part = self._invert(spectrum, levels, block, sound, step)
            join(sound, part, block, hop, lambda time: time)
        return sound

    def _levels(self, mel: Floats) -> Floats:
        """What the filters gave (frames, bands) for a log-mel (bands, frames)."""
        levels = magnitude_of(np.clip(mel, 0, 1), self.spec)
        return np.ascontiguousarray(np.where(mel > 0, levels, np.float32(0)).T)

    def _first(self, mel: Floats, block: Block, seed: int, step: Step) -> Complexes:
        """A block's first spectrum (frames, bins)."""
        if self.start is None:
            return self._noise(block.end - block.start, seed, block.number)
        done = block.number * self.rounds
        return self.start(mel, block, lambda: step(done, block.count * self.rounds))

    def _invert(
        self, spectrum: Complexes, levels: Floats, block: Block, before: Floats, step: Step
    ) -> Floats:
        """Sound of band levels (frames, bands), from a spectrum that is overwritten.

        ``before`` holds the block before's sound.
        """
        pinned = self._pinned(before, block)[: len(levels)]
        consistent = ConsistentSpectrum(self._stft, len(levels))
        rebuilt, previous = np.empty_like(spectrum), np.zeros_like(spectrum)
        for done in range(1, self.rounds + 1):
            self._give_levels(spectrum, levels)
            spectrum[: len(pinned)] = pinned
            consistent(spectrum, out=rebuilt)
            np.subtract(rebuilt, previous, out=spectrum)
            spectrum *= _MOMENTUM
            spectrum += rebuilt
            rebuilt, previous = previous, rebuilt
            if done % _ROUNDS_PER_CHECK == 0 or done == self.rounds:
                step(block.number * self.rounds + done, block.count * self.rounds)
        self._give_levels(spectrum, levels)
        spectrum[: len(pinned)] = pinned
        return self._stft.inverse(spectrum)

    def _give_levels(self, spectrum: Complexes, levels: Floats) -> None:
        """Scale a spectrum (frames, bins) so that its bands have nearly the levels asked for."""
        spectrum *= (levels / (np.abs(spectrum) @ self.filters.T + _TINY)) @ self._shares

    def _noise(self, frames: int, seed: int, block: int) -> Complexes:
        """The spectrum of white noise: a start that is a sound already, favouring nothing."""
        angles = random_phases(seed, block, (frames, self.spec.hop))
        return self._stft.forward(np.cos(angles).reshape(-1), frames)

    def _pinned(self, sound: Floats, block: Block) -> Complexes:
        """The first frames of a block as the block before it has left them."""
        stft = self._stft
        if block.number == 0:
            return np.zeros((0, stft.n_fft // 2 + 1), np.complex64)
        first = block.start * stft.hop - stft.n_fft // 2
        last = first + (PINNED_FRAMES - 1) * stft.hop + stft.n_fft
        return stft.frames(np.ascontiguousarray(sound[first:last]))
