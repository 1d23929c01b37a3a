"""A probe that names the material of a contact from its sound.

Trained on real sound only. Its accuracy on reconstructions says what the autoencoder keeps
of timbre, on generated sound what the whole system keeps: an onset score alone proves
nothing about either.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from foleyline_training.data.corpus_files import CorpusFiles
from foleyline_training.models.autoencoder import Autoencoder

EXCERPT_FRAMES = 24
"""Mel frames from just before a contact on."""
LEAD_FRAMES = 2
PROBE_TEST_SCENES_MAX = 200
PROBE_TRAINING_MAX = 12_000
"""Contacts; more make a probe slower and hardly better."""


class MaterialProbe(nn.Module):
    """A small convolutional classifier of log-mel excerpts ``(batch, bands, EXCERPT_FRAMES)``."""

    def __init__(self, bands: int, materials: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(bands, 128, 3, padding=1),
            nn.SiLU(),
            nn.GroupNorm(8, 128),
            nn.Conv1d(128, 128, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.GroupNorm(8, 128),
            nn.Conv1d(128, 128, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(128 * EXCERPT_FRAMES // 4, materials),
        )

    def forward(self, excerpts: Tensor) -> Tensor:
        return self.body(excerpts)


def excerpts(
    mels: NDArray[np.generic],
    rows: NDArray[np.int64],
    times_s: NDArray[np.float64],
    frames_per_s: float,
) -> Tensor:
    """Mel excerpts at contacts: ``mels`` (scenes, frames, bands) to (contacts, bands, frames).

    A contact too near the end is padded with silence.
    """
    first = np.maximum((times_s * frames_per_s).astype(np.int64) - LEAD_FRAMES, 0)
    padded = np.zeros((len(rows), EXCERPT_FRAMES, mels.shape[2]), np.float32)
    for k, (row, start) in enumerate(zip(rows, first, strict=True)):
        cut = mels[row, start : start + EXCERPT_FRAMES]
        padded[k, : len(cut)] = cut
    return torch.from_numpy(padded).transpose(1, 2)


def isolated(corpus: CorpusFiles, scenes: range, gap_s: float = 0.2) -> NDArray[np.int64]:
    """Contacts of ``scenes`` with no other contact nearby, whose material can be told at all."""
    times, rows = corpus.contact_time_s, corpus.contact_scene
    order = np.lexsort((times, rows))
    apart = np.where(np.diff(rows[order]) == 0, np.diff(times[order]), np.inf)
    padded = np.concatenate([[np.inf], apart, [np.inf]])
    alone = np.empty(len(order), bool)
    alone[order] = np.minimum(padded[:-1], padded[1:]) >= gap_s
    return np.flatnonzero(alone & (rows >= scenes.start) & (rows < scenes.stop)).astype(np.int64)


def train_probe(
    inputs: Tensor, materials: Tensor, classes: int, *, epochs: int = 12, seed: int = 0
) -> MaterialProbe:
    """Fit a probe on real excerpts; balanced over materials."""
    torch.manual_seed(seed)
    probe = MaterialProbe(inputs.shape[1], classes)
    optimiser = torch.optim.AdamW(probe.parameters(), lr=1e-3, weight_decay=0.05)
    counts = torch.bincount(materials, minlength=classes).clamp_min(1)
    weight = counts.sum() / (classes * counts)
    for _ in range(epochs):
        for batch in torch.randperm(len(inputs)).split(128):
            level = 1 + 0.2 * (torch.rand(len(batch), 1, 1) - 0.5)
            loss = F.cross_entropy(
                probe((inputs[batch] * level).clamp(0, 1)), materials[batch], weight=weight
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return probe.eval().requires_grad_(False)


def probe_for(corpus: CorpusFiles) -> MaterialProbe:
    """A probe trained on the real sound of ``corpus``, but for its last scenes."""
    pick = isolated(corpus, range(probe_scenes(corpus).start))
    if len(pick) > PROBE_TRAINING_MAX:
        pick = np.sort(np.random.default_rng(0).choice(pick, PROBE_TRAINING_MAX, replace=False))
    return train_probe(
        excerpts(
            corpus.mels(),
            corpus.contact_scene[pick],
            corpus.contact_time_s[pick],
            corpus.config.mel.rate_hz / corpus.config.mel.hop,
        ),
        torch.from_numpy(corpus.contact_material[pick]),
        len(corpus.materials),
    )


def probe_scenes(corpus: CorpusFiles) -> range:
    """The scenes kept from the probe's training: new mixes of sounds it knows."""
    kept = max(1, min(corpus.scenes // 10, PROBE_TEST_SCENES_MAX))
    return range(corpus.scenes - kept, corpus.scenes)


def reconstruction_accuracy(
    probe: MaterialProbe, corpus: CorpusFiles, scenes: range, autoencoder: Autoencoder
) -> tuple[float, float]:
    """Accuracy on the real sound of ``scenes`` and on its reconstructions."""
    pick = isolated(corpus, scenes)
    real = corpus.mels()[scenes.start : scenes.stop]
    rebuilt = np.empty_like(real)
    with torch.inference_mode():
        for row in range(len(real)):
            mel = torch.from_numpy(real[row : row + 1].astype(np.float32)).transpose(1, 2)
            decoded = autoencoder.decoder(autoencoder.encoder(mel)[0]).clamp(0, 1)
            rebuilt[row] = decoded[0].T.numpy()
    materials = torch.from_numpy(corpus.contact_material[pick])
    rows = corpus.contact_scene[pick] - scenes.start
    frames_per_s = corpus.config.mel.rate_hz / corpus.config.mel.hop
    real_named, rebuilt_named = (
        accuracy(probe, excerpts(mels, rows, corpus.contact_time_s[pick], frames_per_s), materials)
        for mels in (real, rebuilt)
    )
    return real_named, rebuilt_named


def accuracy(probe: MaterialProbe, inputs: Tensor, materials: Tensor) -> float:
    """Mean over materials of the share named right, so that common ones do not dominate.

    0 where there is nothing to name, as in a corpus of very few scenes.
    """
    if not len(materials):
        return 0.0
    named = probe(inputs).argmax(1)
    shares = [(named[materials == m] == m).float().mean() for m in materials.unique()]
    return float(torch.stack(shares).mean())
