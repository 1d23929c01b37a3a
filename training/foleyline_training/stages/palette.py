"""The sound palette in training: which category a window is said to sound like."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from foleyline_training.data.corpus_files import ClipArrays
from foleyline_training.data.crops import Merged, cut

TOLD_RATE = 0.5
"""Share of the windows that are told; the others teach what *auto* means."""
LASTING_PER_S = 2.0
"""As many contacts is a second of a lasting sound worth where it is loudest: about a walk's."""
ACTIVITY_PEAK = 255


class WindowPalette:
    """Draws categories for windows of a corpus.

    Args:
        names: the palette, in the order of the network's input. Materials of the corpus that
            are not in it are never told, names that the corpus does not have never drawn.
    """

    def __init__(self, corpus: ClipArrays, names: tuple[str, ...]) -> None:
        self.names, self._corpus = names, corpus
        known = [name for name in names if name in corpus.materials]
        self._columns = [names.index(name) for name in known]
        self._materials = [corpus.materials.index(name) for name in known]

    def draw(self, rng: np.random.Generator, windows: list[Merged]) -> Tensor:
        """One-hot rows (batch, palette): the category most heard in a window, or zeros.

        Zeros, which mean *auto*, are half of the rows, and those in which nothing is heard.
        """
        rows = np.zeros((len(windows), len(self.names)), np.float32)
        told = rng.random(len(windows)) < TOLD_RATE
        for row, window in enumerate(windows):
            heard = self.heard(window)
            if told[row] and heard.any():
                most = np.flatnonzero(heard == heard.max())
                rows[row, self._columns[int(rng.choice(most))]] = 1
        return torch.from_numpy(rows)

    def heard(self, window: Merged) -> np.ndarray:
        """How much of each known category is heard in a window, in contacts: (known,)."""
        corpus = self._corpus
        contacts = cut(window, corpus.contacts_seen)[:, self._materials].sum(0, dtype=np.float64)
        activity = cut(window, corpus.activity)[:, self._materials].sum(0, dtype=np.float64)
        seconds = activity / ACTIVITY_PEAK / float(corpus.config.picture.fps)
        return contacts + LASTING_PER_S * seconds
