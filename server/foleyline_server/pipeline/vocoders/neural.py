"""A network's first guess, and our Griffin-Lim from there.

The bundle's graph ``vocoder`` makes a spectrum of a mel in one go: it knows how sounds begin and
die away, and which of a band's bins carry them. The rounds of ``griffin_lim`` then give every
band its level again; from so good a start they end nearer to the sound that was meant.

The network sees a few dozen frames to either side and no more, so a long mel goes through it in
pieces with that much on both sides, and no piece can be told from a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.vocoders.base import Floats, Step, unheard
from foleyline_server.pipeline.vocoders.blocks import Block, cut
from foleyline_server.pipeline.vocoders.griffin_lim import Check, GriffinLim
from foleyline_server.runtime.bundles import Graph

ROUNDS = 48
MARGIN_FRAMES = 32
"""What is known of a network on either side of a piece; it may see so far and no further."""
_PIECE_FRAMES = 512
"""Through the network at a time, so that a job can be stopped in between."""
_SHORTEST_FRAMES = 4
"""Shorter mels are lengthened by their last frame: graphs are traced for no fewer."""


@dataclass(frozen=True, slots=True)
class Neural:
    """Inverts the mels of one bundle, whose graph it is given.

    The seed changes nothing: the network draws nothing.

    Args:
        spec: the bundle's mel.
        filters: (bands, n_fft // 2 + 1).
        graph: the bundle's ``vocoder``: ``mel`` (1, bands, frames) to ``spectrum``
            (1, 2, n_fft // 2 + 1, frames), real and imaginary parts.
        rounds: of Griffin-Lim.
    """

    spec: MelSpec
    filters: Floats
    graph: Graph
    rounds: int = ROUNDS

    def __call__(self, mel: Floats, seed: int, step: Step = unheard) -> Floats:
        """Sound (frames * hop,) of a log-mel (bands, frames); see Vocoder."""
        return GriffinLim(self.spec, self.filters, self.rounds, self._guess)(mel, seed, step)

    def _guess(self, mel: Floats, block: Block, check: Check) -> NDArray[np.complex64]:
        frames = max(mel.shape[1] + 1, _SHORTEST_FRAMES)
        spectrum = np.empty((block.end - block.start, self.spec.n_fft // 2 + 1), np.complex64)
        for start in range(block.start, block.end, _PIECE_FRAMES):
            check()
            end = min(start + _PIECE_FRAMES, block.end)
            first, last = max(0, start - MARGIN_FRAMES), min(frames, end + MARGIN_FRAMES)
            seen = np.clip(cut(mel, min(first, last - _SHORTEST_FRAMES), last), 0, 1)
            real, imaginary = self.graph(mel=seen[None])["spectrum"][0]
            inside = slice(start - last + seen.shape[1], end - last + seen.shape[1])
            spectrum[start - block.start : end - block.start].real = real[:, inside].T
            spectrum[start - block.start : end - block.start].imag = imaginary[:, inside].T
        return spectrum
