"""The released system's inverse, step by step as its code has it, at the right sample rate.

Non-negative least squares for the STFT's magnitudes, then 32 rounds of Griffin-Lim, both
librosa's. The released demo does the same as if mels were made at 22 050 Hz, though they are
made at 16 000 Hz, so that every pitch comes out at about 0.73 of what it was; the evaluation
code released with it has the right rate. librosa is an extra: it is imported when this inverse
is first used.

Source: inference/demo_util.py and evaluation/transform_spec.py of Diff-Foley at 0ba1e8a.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.vocoders.base import Floats, Step, magnitude_of, unheard
from foleyline_server.pipeline.vocoders.blocks import Block, blocks, cut, join

PACKAGE = "librosa"
REMEDY = 'Install it with: pip install "foleyline[librosa]". Or choose griffin-lim.'
_PHASE_STEPS = 32
_MOMENTUM = 0.99
_FITTED_FRAMES = 128
"""Fitted at a time: librosa reserves 1 MiB and more for each, and cannot be stopped meanwhile."""


class _Inverse(Protocol):
    def mel_to_stft(
        self, M: Floats, *, sr: int, n_fft: int, power: float, fmin: float, fmax: float
    ) -> Floats: ...


class _Feature(Protocol):
    inverse: _Inverse


class _Librosa(Protocol):
    """What is used of librosa 0.10.2 and later, which has no types of its own."""

    feature: _Feature

    def griffinlim(
        self,
        S: Floats,
        *,
        n_iter: int,
        hop_length: int,
        n_fft: int,
        momentum: float,
        pad_mode: str,
        random_state: np.random.RandomState,
    ) -> Floats: ...


@dataclass(frozen=True, slots=True)
class LibrosaInverse:
    """Inverts the mels of one bundle with librosa's functions and librosa's own filters.

    Zero log-mel becomes a sound at the analysis floor, not silence, as in the released system.
    A mel of up to ``BLOCK_FRAMES`` frames is inverted in one piece; a longer one in blocks that
    are faded into each other, because memory is not endless.
    """

    spec: MelSpec

    def __call__(self, mel: Floats, seed: int, step: Step = unheard) -> Floats:
        """Sound (frames * hop,) of a log-mel (bands, frames); see Vocoder.

        Raises:
            SettingInvalid: librosa is not installed, or is broken.
        """
        frames, hop = mel.shape[1], self.spec.hop
        # One frame more, so that the last hop is filled; and enough for one whole window.
        least = -(-self.spec.n_fft // hop) + 1
        work = [(block, _slices(block)) for block in blocks(max(frames + 1, least))]
        count = sum(len(slices) + 1 for _, slices in work)
        sound, done = np.zeros((frames * hop,), np.float32), 0
        for block, slices in work:
            fitted: list[Floats] = []
            for frame in slices:
                fitted.append(self.magnitudes(cut(mel, frame.start, frame.stop)))
                done += 1
                step(done, count)
            draws = np.random.RandomState(seed if block.number == 0 else [seed, block.number])
            part = self.sound(np.concatenate(fitted, axis=1), draws)
            # Two blocks know nothing of each other's phases, so their powers add up.
            join(sound, part, block, hop, lambda time: np.sin(np.pi / 2 * time))
            done += 1
            step(done, count)
        return sound

    def magnitudes(self, mel: Floats) -> Floats:
        """STFT magnitudes (n_fft // 2 + 1, frames) of a log-mel (bands, frames)."""
        spec = self.spec
        return _librosa().feature.inverse.mel_to_stft(
            magnitude_of(mel, spec),
            sr=spec.rate_hz,
            n_fft=spec.n_fft,
            power=1.0,
            fmin=spec.fmin_hz,
            fmax=spec.fmax_hz,
        )

    def sound(self, magnitudes: Floats, draws: np.random.RandomState) -> Floats:
        """Sound ((frames - 1) * hop,) of STFT magnitudes; ``draws`` gives the first phases.

        The ends are reflected, as by the librosa of the release: later ones pad with zeros.
        """
        sound = _librosa().griffinlim(
            magnitudes,
            n_iter=_PHASE_STEPS,
            hop_length=self.spec.hop,
            n_fft=self.spec.n_fft,
            momentum=_MOMENTUM,
            pad_mode="reflect",
            random_state=draws,
        )
        return sound.astype(np.float32, copy=False)


def _slices(block: Block) -> list[slice]:
    starts = range(block.start, block.end, _FITTED_FRAMES)
    return [slice(start, min(start + _FITTED_FRAMES, block.end)) for start in starts]


def _librosa() -> _Librosa:
    try:
        return cast("_Librosa", cast("object", importlib.import_module(PACKAGE)))
    except ImportError as error:
        raise SettingInvalid(
            "The package librosa cannot be used.", remedy=REMEDY, detail=str(error)
        ) from error
