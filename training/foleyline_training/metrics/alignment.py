"""Alignment accuracy: how often a classifier that guided nothing takes a sound for the picture's.

The classifier hears log-mels, clean ones, not the noisy latents that guidance asks about; its
seed and its network are others too. So a sampler cannot please it by pleasing its guide.

Source: Diff-Foley, section 3 ("Align Acc"), where it is right about nine in ten test pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from foleyline_training.config import Config, StageConfig
from foleyline_training.data.corpus_files import CorpusFiles
from foleyline_training.data.crops import Crop
from foleyline_training.models.layers import ChannelNorm, TemporalBlock
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.pairs import draw_pairs

SEED_OFFSET = 7919
"""Added to a run's seed, so that nothing is drawn as for the classifier that guides."""
TRAINING = StageConfig(
    seconds=150, batch=24, learning_rate=1e-3, weight_decay=0.05, ema=0.99, device="cpu"
)
WIDTH = 96
TEST_PAIRS = 800
BATCH = 32
KINDS = ("true", "shifted", "wrong")


class EvaluationClassifier(nn.Module):
    """Logit that a log-mel (batch, bands, mel_frames) belongs to features (batch, F, dim)."""

    def __init__(self, bands: int, feature_dim: int, mel_per_feature: int) -> None:
        super().__init__()
        steps: list[nn.Module] = [nn.Conv1d(bands, WIDTH, 5, padding=2)]
        for _ in range(mel_per_feature.bit_length() - 1):
            steps += [TemporalBlock(WIDTH), nn.Conv1d(WIDTH, WIDTH, 4, stride=2, padding=1)]
        self.heard = nn.Sequential(*steps, TemporalBlock(WIDTH))
        self.seen = nn.Sequential(nn.Conv1d(feature_dim, WIDTH, 3, padding=1), TemporalBlock(WIDTH))
        self.joined = nn.Sequential(
            nn.Conv1d(3 * WIDTH, WIDTH, 3, padding=1),
            TemporalBlock(WIDTH),
            TemporalBlock(WIDTH, 2),
            TemporalBlock(WIDTH, 4),
            ChannelNorm(WIDTH),
        )
        self.logit = nn.Linear(2 * WIDTH, 1)

    def forward(self, mel: Tensor, features: Tensor) -> Tensor:
        heard, seen = self.heard(mel * 2 - 1), self.seen(features.transpose(1, 2))
        x = self.joined(torch.cat([heard, seen, heard * seen], dim=1))
        # One moment that disagrees decides as much as all that agree.
        pooled = torch.cat([x.mean(-1), x.amax(-1)], dim=1)
        return self.logit(F.silu(pooled)).squeeze(-1)


class EvaluationStage:
    """Binary cross-entropy on true, shifted and wrong pairs of clean mels and features.

    Args:
        features: of every scene of ``corpus``, (scenes, duration, dim).
    """

    name = "evaluation"

    def __init__(
        self, config: Config, corpus: CorpusFiles, features: NDArray[np.floating[Any]]
    ) -> None:
        self.config, self.corpus, self.features = config, corpus, features
        self.mels = corpus.mels()
        self.network = make_evaluation_classifier(config)

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        heard, seen, kinds = draw_pairs(rng, self.config, self.corpus, TRAINING.batch)
        mel, features, label = self.pairs(share.of(heard), share.of(seen), share.of(kinds))
        level = rng.uniform(0.8, 1.1, size=(TRAINING.batch, 1, 1)).astype(np.float32)
        quieter = (mel * torch.from_numpy(share.of(level))).clamp(0, 1)
        logits = self.network(share.put(quieter), share.put(features)).float()
        loss = F.binary_cross_entropy_with_logits(logits, share.put(label))
        right = (logits > 0).float() == share.put(label)
        return loss, {"accuracy": float(right.float().mean())}

    def pairs(
        self, heard: list[Crop], seen: list[Crop], kinds: np.ndarray
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mels, features and labels of pairs."""
        per = self.config.mel_per_picture
        mels = np.stack([crop.cut(self.mels, per) for crop in heard]).astype(np.float32)
        features = np.stack([crop.cut(self.features) for crop in seen]).astype(np.float32)
        label = torch.from_numpy((kinds == 0).astype(np.float32))
        return torch.from_numpy(mels).transpose(1, 2), torch.from_numpy(features), label

    def extra_state(self) -> dict[str, Any]:
        return {}


def make_evaluation_classifier(config: Config) -> EvaluationClassifier:
    """A fresh classifier; its weights follow from a seed of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed + SEED_OFFSET)
        return EvaluationClassifier(config.mel.bands, config.features.dim, config.mel_per_picture)


def p_aligned(network: EvaluationClassifier, mels: Tensor, features: Tensor) -> NDArray[np.float64]:
    """Probabilities (n,) that mels (n, bands, frames) belong to features (n, F, dim)."""
    with torch.inference_mode():
        pairs = zip(mels.split(BATCH), features.split(BATCH), strict=True)
        return torch.cat([network(m, f).sigmoid() for m, f in pairs]).double().numpy()


def accuracy_on_real(network: EvaluationClassifier, stage: EvaluationStage) -> dict[str, float]:
    """Share of real pairs of ``stage``'s corpus judged right: overall, and by kind."""
    rng = np.random.default_rng(stage.config.seed + SEED_OFFSET)
    heard, seen, kinds = draw_pairs(rng, stage.config, stage.corpus, TEST_PAIRS)
    found: list[NDArray[np.float64]] = []
    for start in range(0, TEST_PAIRS, BATCH):
        part = slice(start, start + BATCH)
        mel, features, _ = stage.pairs(heard[part], seen[part], kinds[part])
        found.append(p_aligned(network, mel, features))
    right = (np.concatenate(found) >= 0.5) == (kinds == 0)
    return {"all": float(right.mean())} | {
        name: float(right[kinds == kind].mean()) for kind, name in enumerate(KINDS)
    }
