"""The released networks by the name of their graph, one in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from foleyline_export.official_file import OfficialFile
from foleyline_training.models.diff_foley.aligner import Aligner
from foleyline_training.models.diff_foley.autoencoder import LatentDecoder, LatentEncoder
from foleyline_training.models.diff_foley.condition_encoder import ConditionEncoder
from foleyline_training.models.diff_foley.evaluation_classifier import EvaluationClassifier
from foleyline_training.models.diff_foley.layout import FileKind
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED, Sizes
from foleyline_training.models.diff_foley.spectrogram_encoder import SpectrogramEncoder
from foleyline_training.models.diff_foley.unet import Unet
from foleyline_training.models.diff_foley.video_encoder import VideoEncoder


def load_networks(
    cavp: Path,
    ldm: Path,
    classifier: Path,
    evaluation: Path | None = None,
    *,
    sizes: Sizes = RELEASED,
    aligner_condition: str = MODEL.aligner.condition,
) -> Networks:
    """Check the released files and offer their networks.

    Args:
        evaluation: the classifier that alignment accuracy is measured with; may be left out.
        aligner_condition: ``raw`` or ``encoded``, see models/diff_foley/aligner.py.

    Raises:
        CheckpointError: one of its kinds, saying which file is wrong and how.
    """
    paths: dict[FileKind, Path] = {"cavp": cavp, "ldm": ldm, "classifier": classifier}
    if evaluation is not None:
        paths["evaluation"] = evaluation
    files: dict[FileKind, Weights] = {
        kind: OfficialFile(kind, path, sizes) for kind, path in paths.items()
    }
    return Networks(files, sizes, aligner_condition)


class Weights(Protocol):
    """Where a network's weights come from."""

    def load(self, network: nn.Module) -> None:
        """Give ``network`` its weights; it is on the meta device until then."""
        ...


class Networks:
    """Networks that are built when asked for and not kept.

    Args:
        weights: by the kind of file; networks whose kind is not there are not offered.
    """

    def __init__(
        self, weights: Mapping[FileKind, Weights], sizes: Sizes, aligner_condition: str
    ) -> None:
        self.sizes, self.aligner_condition = sizes, aligner_condition
        # Accuracy is measured with the evaluation file's own copy of the autoencoder.
        measures: FileKind = "evaluation" if "evaluation" in weights else "ldm"
        sources: dict[str, tuple[FileKind, Callable[[], nn.Module]]] = {
            "video_encoder": ("cavp", lambda: VideoEncoder(sizes)),
            "condition_encoder": ("ldm", lambda: ConditionEncoder(sizes)),
            "unet": ("ldm", lambda: Unet(sizes)),
            "aligner": ("classifier", lambda: Aligner(sizes, aligner_condition)),
            "latent_decoder": ("ldm", lambda: LatentDecoder(sizes)),
            "spectrogram_encoder": ("cavp", lambda: SpectrogramEncoder(sizes)),
            "latent_encoder": (measures, lambda: LatentEncoder(sizes)),
            "evaluation_classifier": ("evaluation", lambda: EvaluationClassifier(sizes)),
        }
        self._sources = {
            name: (weights[kind], make) for name, (kind, make) in sources.items() if kind in weights
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Graphs that there are networks for."""
        return tuple(self._sources)

    def build(self, name: str) -> nn.Module:
        """The network of a graph, for inference. Weights stay in their file until they are used.

        Raises:
            KeyError: there are no weights for it.
            CheckpointMismatch: a weight is not finite.
        """
        weights, make = self._sources[name]
        with torch.device("meta"):
            network = make()
        weights.load(network)
        return network.eval().requires_grad_(False)
