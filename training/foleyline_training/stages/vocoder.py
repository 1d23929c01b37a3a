"""The optional stage: a neural vocoder, trained on the sounds themselves and not on scenes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foleyline_contract.specs import MelSpec
from foleyline_training.config import Config
from foleyline_training.data.mel import LogMel
from foleyline_training.data.sound_windows import SoundWindows, credits_of, split_sounds
from foleyline_training.models.vocoder import magnitude_of
from foleyline_training.objectives.spectral import MelRounds, SpectralDistance
from foleyline_training.share import WHOLE, Share
from foleyline_training.stages.networks import make_vocoder

WINDOW_FRAMES = 80
ROUNDS = 2
"""Of Griffin-Lim, before the sound is compared; the server makes more."""
MEL_WEIGHT = 25.0
"""A log-mel error of 4 % of the range (4 dB) counts as one neper of magnitude."""


class _Measures:
    """What the loss is made of, on one device."""

    def __init__(self, spec: MelSpec, device: torch.device) -> None:
        self.log_mel, self.rounds = LogMel(spec, device), MelRounds(spec, device)
        self.distance = SpectralDistance(device)


class VocoderStage:
    """Multi-resolution STFT distance and log-mel error of the sound after a few rounds."""

    name = "vocoder"

    def __init__(self, config: Config, sounds: Path) -> None:
        self.config = config
        self.split = split_sounds(sounds, config.mel.rate_hz)
        self.windows = SoundWindows(sounds, self.split.training, config.mel.rate_hz)
        self.network = make_vocoder(config)
        self._measures: dict[torch.device, _Measures] = {}

    def loss(
        self, rng: np.random.Generator, share: Share = WHOLE
    ) -> tuple[Tensor, Mapping[str, float]]:
        spec, batch = self.config.mel, self.config.stages[self.name].batch
        if share.device not in self._measures:
            self._measures[share.device] = _Measures(spec, share.device)
        measures = self._measures[share.device]
        drawn = [self.windows.draw(rng, WINDOW_FRAMES * spec.hop) for _ in range(batch)]
        true = share.put(np.stack(share.of(drawn)))
        mel = measures.log_mel(true)
        with share.mixed():
            spectrum = self.network(mel).float()
        levels = magnitude_of(mel, spec).transpose(1, 2)
        sound = measures.rounds(torch.complex(spectrum[:, 0], spectrum[:, 1]), levels, ROUNDS)
        convergence, distance = measures.distance(sound, true)
        mel_error = (measures.log_mel(sound) - mel).abs().mean()
        return convergence + distance + MEL_WEIGHT * mel_error, {
            "convergence": convergence.item(),
            "distance": distance.item(),
            "mel_error_db": mel_error.item() * spec.db_range,
        }

    def extra_state(self) -> dict[str, Any]:
        """Whom to thank, and what was never heard."""
        return {
            "sounds": credits_of(self.split.training),
            "held_out": [row.file for row in self.split.held_out],
        }
