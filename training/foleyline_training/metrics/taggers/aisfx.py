"""The sound-effects embedding of Ma and Lerch, trained on ten commercial effects libraries.

Source: "Representation learning for the automatic indexing of sound effects libraries", ISMIR
2022; network and spectrogram as in the package ``aisfx`` 0.1.2, whose weights are CC-BY-4.0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.metrics.distribution import probabilities
from foleyline_training.metrics.taggers import (
    FloatArray,
    Tagged,
    at_rate,
    htk_filters,
    weights_file,
)

RATE_HZ, N_FFT, HOP, BANDS = 44_100, 2048, 1024, 96
BLOCK_FRAMES = 100
"""2.3 s; shorter sounds are filled up with silence."""
BLOCK_HOP = 50
LARGEST = 9.457798957824707
"""Spectrograms are divided by the largest value of the paper's."""
WIDTHS = (64, 128, 256, 512)
HEAD = 1
"""Of its nine heads the one for the Universal Category System as the library Soundly uses it."""
CLASSES = 79
BATCH = 16


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class AisfxNetwork(nn.Module):
    """Spectrograms (batch, BLOCK_FRAMES, BANDS) to embeddings (batch, 512) and logits."""

    def __init__(self) -> None:
        super().__init__()
        for number, (inputs, outputs) in enumerate(
            zip((1, *WIDTHS[:-1]), WIDTHS, strict=True), start=1
        ):
            self.add_module(f"conv_block{number}", _Block(inputs, outputs))
        wide = WIDTHS[-1]
        self.head = nn.Sequential(
            nn.Linear(wide, wide // 2),
            nn.ReLU(),
            nn.Linear(wide // 2, wide // 4),
            nn.ReLU(),
            nn.Linear(wide // 4, CLASSES),
        )

    def forward(self, spectrograms: Tensor) -> tuple[Tensor, Tensor]:
        x = spectrograms[:, None]
        for number in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"conv_block{number}")(x)
            x = F.max_pool2d(x, 2) if number < len(WIDTHS) else x
        embedding = x.mean(3).amax(2)
        return embedding, self.head(embedding)


class AisfxTagger:
    """Embeddings and classes of whole sounds, block by block."""

    name = "aisfx"

    def __init__(self) -> None:
        """Read the weights.

        Raises:
            TaggerMissing: the wheel is not installed.
        """
        path = weights_file("aisfx", "aisfx/models/checkpoint.pth")
        stored = load_checkpoint(path, with_numpy_scalars=True)[0]
        names = {"embedding_net.": "", f"fc.{HEAD}.": "head."}
        weights = {
            new + key.removeprefix(old): value
            for key, value in stored.items()
            for old, new in names.items()
            if key.startswith(old)
        }
        self.network = AisfxNetwork()
        self.network.load_state_dict(weights)
        self.network.eval().requires_grad_(False)
        filters = htk_filters(BANDS, N_FFT, RATE_HZ, 0.0, RATE_HZ / 2)
        # librosa's norm=1.0: the weights of a band sum to 1.
        self.filters = torch.from_numpy(filters / filters.sum(1, keepdims=True))
        self.window = torch.hann_window(N_FFT)

    def spectrogram(self, sound: FloatArray) -> Tensor:
        """Of a sound at RATE_HZ: (frames, BANDS), 0 to about 1."""
        stft = torch.stft(
            torch.from_numpy(np.pad(sound, (0, max(0, N_FFT - len(sound))))),
            N_FFT,
            HOP,
            window=self.window,
            pad_mode="constant",
            return_complex=True,
        )
        mel = self.filters @ stft.abs().square()
        return ((10_000 * mel + 1).log10() / LARGEST).T

    def tag(self, sounds: Sequence[FloatArray], rate_hz: int) -> Tagged:
        """Means over a sound's blocks, which overlap by half."""
        blocks: list[Tensor] = []
        owners: list[int] = []
        for number, sound in enumerate(sounds):
            spectrogram = self.spectrogram(at_rate(sound, rate_hz, RATE_HZ))
            for start in range(0, max(1, len(spectrogram) - BLOCK_HOP), BLOCK_HOP):
                block = spectrogram[start : start + BLOCK_FRAMES]
                blocks.append(F.pad(block, (0, 0, 0, BLOCK_FRAMES - len(block))))
                owners.append(number)
        with torch.inference_mode():
            found = [self.network(batch) for batch in torch.stack(blocks).split(BATCH)]
        embeddings = torch.cat([embedding for embedding, _ in found]).numpy()
        classes = probabilities(torch.cat([logits for _, logits in found]).numpy())
        rows = [np.flatnonzero(np.array(owners) == number) for number in range(len(sounds))]
        return Tagged(
            np.stack([embeddings[own].mean(0) for own in rows]),
            np.stack([classes[own].mean(0) for own in rows]),
        )
