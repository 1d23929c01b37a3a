"""What the vocoders' tests share: mels, the forward analysis, a pitch meter."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.stft import Stft

GOLDEN = Path(__file__).parents[3] / "golden"
OFFICIAL = MelSpec(16_000, 1024, 256, 128, 125.0, 7600.0, 1e-5, 20.0, -80.0, 100.0)
MINI = MelSpec(32_000, 1024, 256, 80, 40.0, 16_000.0, 1e-5, 20.0, -80.0, 100.0)


def slaney_filters(spec: MelSpec) -> np.ndarray:
    """Narrow below 1 kHz, wider above: the shape real bundles have."""
    grid = np.linspace(_mel(spec.fmin_hz), _mel(spec.fmax_hz), spec.bands + 2)
    edges = np.where(grid < 15, grid * 200 / 3, 1000 * np.exp((grid - 15) * np.log(6.4) / 27))
    bins = np.linspace(0, spec.rate_hz / 2, spec.n_fft // 2 + 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return (np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low)).astype(np.float32)


def _mel(hz: float) -> float:
    return hz / (200 / 3) if hz < 1000 else 15 + np.log(hz / 1000) / (np.log(6.4) / 27)


def log_mel(sound: np.ndarray, spec: MelSpec, filters: np.ndarray) -> np.ndarray:
    """Forward, as the specification says; frame k is centred on sample k * hop."""
    frames = len(sound) // spec.hop
    mel = filters @ np.abs(Stft(spec.n_fft, spec.hop).forward(sound, frames)).T
    level = spec.db_per_decade * np.log10(np.maximum(spec.floor, mel))
    return np.clip((level - spec.db_shift) / spec.db_range, 0, 1).astype(np.float32)


def pitch_hz(sound: np.ndarray, rate_hz: int) -> float:
    """The loudest frequency, to a hundredth of a hertz."""
    size = 1 << 21
    return float(np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size)))) * (
        rate_hz / size
    )


@pytest.fixture(scope="session")
def analysis() -> SimpleNamespace:
    return SimpleNamespace(
        OFFICIAL=OFFICIAL,
        MINI=MINI,
        filters=slaney_filters,
        official_filters=np.load(GOLDEN / "official_mel_filters.npz")["filters"],
        log_mel=log_mel,
        pitch_hz=pitch_hz,
    )
