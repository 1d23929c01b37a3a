"""Judges of sound, all made from real sound only: probe, taggers' centroids, classifier.

What they have learned is kept in ``RUN/evaluation``, so that a second evaluation starts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from evaluation.scenes import Moment, Scenes
from foleyline_contract.bundle import file_sha256
from foleyline_training.checkpoints import load_checkpoint, save_checkpoint
from foleyline_training.config import Config, read_run_config
from foleyline_training.data.corpus_files import CorpusFiles
from foleyline_training.data.mel import LogMel
from foleyline_training.loop import train
from foleyline_training.metrics.alignment import (
    TRAINING,
    EvaluationStage,
    accuracy_on_real,
    make_evaluation_classifier,
    p_aligned,
)
from foleyline_training.metrics.material import CategoryCentroids
from foleyline_training.metrics.taggers import Tagger
from foleyline_training.metrics.taggers.aisfx import AisfxTagger
from foleyline_training.metrics.taggers.yamnet import YamnetTagger
from foleyline_training.metrics.timbre import MaterialProbe, probe_for
from foleyline_training.stages.conditioned import ConditionedData

Floats = NDArray[np.float32]
FOLDER = "evaluation"
TAGGERS: dict[str, Callable[[], Tagger]] = {"yamnet": YamnetTagger, "aisfx": AisfxTagger}
CENTROID_MOMENTS = 60
"""Of a material, from real training sound."""


class Judges:
    """Everything that listens, for one run.

    Args:
        run: a finished training run: its training corpus, its CAVP and autoencoder are used.
        taggers: names of TAGGERS.
        classifier_s: training time of the evaluation classifier, if it is not trained yet.
    """

    def __init__(self, run: Path, taggers: Sequence[str], classifier_s: float) -> None:
        self.run, self.folder = run, run / FOLDER
        self.config: Config = read_run_config(run)
        self.training = CorpusFiles(run / "corpus", self.config)
        self.mel = LogMel(self.config.mel)
        self.taggers = {name: TAGGERS[name]() for name in taggers}
        self._features: dict[Path, NDArray[np.float16]] = {}
        self.probe = self._probe()
        self.centroids = {name: self._centroids(tagger) for name, tagger in self.taggers.items()}
        self.classifier = make_evaluation_classifier(self.config)
        stage = replace(TRAINING, seconds=classifier_s)
        # Named by the encoder it reads, so that another encoder never meets its weights.
        place = self.folder / file_sha256(run / "cavp.pt")[:12]
        own = EvaluationStage(self.config, self.training, self.features(self.training))
        weights = load_checkpoint(train(own, stage, place, self.config.seed))["weights"]
        self.classifier.load_state_dict(weights)
        self.classifier.eval().requires_grad_(False)

    def features(self, corpus: CorpusFiles) -> NDArray[np.float16]:
        """CAVP features (scenes, duration, dim) of a corpus, kept beside it."""
        if corpus.folder not in self._features:
            data = ConditionedData(self.config, corpus, self.run)
            self._features[corpus.folder] = data.features
        return self._features[corpus.folder]

    def mels(self, sounds: Sequence[Floats], rate_hz: int, duration_s: float) -> Floats:
        """Log-mels (sounds, bands, frames) of sounds of one length."""
        rate = self.config.mel.rate_hz
        wanted = round(duration_s * rate)
        at_rate = [s if rate_hz == rate else soxr.resample(s, rate_hz, rate) for s in sounds]
        whole = [np.pad(s, (0, max(0, wanted - len(s))))[:wanted] for s in at_rate]
        return np.stack([self.mel(torch.from_numpy(s)[None])[0].numpy() for s in whole])

    def p_aligned(self, scenes: Scenes, mels: Floats, shift: int = 0) -> NDArray[np.float64]:
        """Of every window of every scene, or of its sound with another scene's picture.

        Args:
            mels: (scenes, bands, frames).
            shift: the picture is that of the scene so much later.
        """
        count, per = self.config.features.per_window, self.config.mel_per_picture
        firsts = range(0, scenes.corpus.duration - count + 1, count)
        features = self.features(scenes.corpus)
        rows = [
            (row, (row + shift) % scenes.count, first) for row in scenes.rows for first in firsts
        ]
        heard = np.stack([mels[row][:, f * per : (f + count) * per] for row, _, f in rows])
        seen = np.stack([features[other, f : f + count] for _, other, f in rows])
        tensors: tuple[Tensor, Tensor] = (
            torch.from_numpy(heard),
            torch.from_numpy(seen.astype(np.float32)),
        )
        return p_aligned(self.classifier, *tensors)

    def classifier_accuracy(self, scenes: Scenes) -> dict[str, float]:
        """On real pairs of a split."""
        stage = EvaluationStage(self.config, scenes.corpus, self.features(scenes.corpus))
        return accuracy_on_real(self.classifier, stage)

    def _probe(self) -> MaterialProbe:
        path = self.folder / f"probe-{self._corpus_hash()}.pt"
        if not path.is_file():
            probe = probe_for(self.training)
            save_checkpoint(path, {"weights": probe.state_dict()})
        probe = MaterialProbe(self.config.mel.bands, len(self.training.materials))
        probe.load_state_dict(load_checkpoint(path)["weights"])
        return probe.eval().requires_grad_(False)

    def _centroids(self, tagger: Tagger) -> CategoryCentroids:
        path = self.folder / f"{tagger.name}-{self._corpus_hash()}.npz"
        if not path.is_file():
            sounds, categories = self._training_moments()
            embeddings = tagger.tag(sounds, self.config.mel.rate_hz).embeddings
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".part.npz")
            np.savez(draft, embeddings=embeddings, categories=categories)
            draft.replace(path)
        with np.load(path, allow_pickle=False) as kept:
            return CategoryCentroids(kept["embeddings"], kept["categories"])

    def _training_moments(self) -> tuple[list[Floats], NDArray[np.int64]]:
        """Up to CENTROID_MOMENTS sounds of every material, and its number."""
        scenes = Scenes(self.training.folder, self.config, self.training.scenes)
        names = self.training.materials
        left = dict.fromkeys(names, CENTROID_MOMENTS)
        picked: list[Moment] = []
        order = np.random.default_rng(0).permutation(scenes.count)
        for row in order:
            for moment in scenes.moments_of(int(row)):
                if left[moment.material]:
                    left[moment.material] -= 1
                    picked.append(moment)
            if not any(left.values()):
                break
        rate = self.config.mel.rate_hz
        sounds = [moment.of(scenes.real(moment.row), rate) for moment in picked]
        return sounds, np.array([names.index(moment.material) for moment in picked])

    def _corpus_hash(self) -> str:
        return file_sha256(self.training.folder / "index.json")[:12]
