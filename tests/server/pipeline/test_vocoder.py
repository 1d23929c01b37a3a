import json
from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import MODEL, mel_filters

from foleyline_contract.specs import MelSpec
from foleyline_server.pipeline.stft import Stft
from foleyline_server.pipeline.vocoder import Vocoder

SPEC = MelSpec(32000, 1024, 256, 80, 40.0, 16000.0, 1e-5, 20.0, -80.0, 100.0)


def slaney_filters(spec: MelSpec) -> np.ndarray:
    """Narrow below 1 kHz, wider above: the shape real bundles have."""
    grid = np.linspace(_mel(spec.fmin_hz), _mel(spec.fmax_hz), spec.bands + 2)
    edges = np.interp(grid, [_mel(hz) for hz in range(0, 16001, 5)], range(0, 16001, 5))
    bins = np.linspace(0, spec.rate_hz / 2, spec.n_fft // 2 + 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return (np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low)).astype(np.float32)


def _mel(hz: float) -> float:
    return hz / (200 / 3) if hz < 1000 else 15 + np.log(hz / 1000) / (np.log(6.4) / 27)


FILTERS = slaney_filters(SPEC)
VOCODER = Vocoder(SPEC, FILTERS)


def log_mel(sound: np.ndarray) -> np.ndarray:
    """Forward, as the specification says; frame k is centred on sample k * hop."""
    frames = len(sound) // SPEC.hop
    mel = FILTERS @ np.abs(Stft(SPEC.n_fft, SPEC.hop).forward(sound, frames)).T
    level = SPEC.db_per_decade * np.log10(np.maximum(SPEC.floor, mel))
    return np.clip((level - SPEC.db_shift) / SPEC.db_range, 0, 1).astype(np.float32)


def hz_of(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum)) * SPEC.rate_hz / len(sound)


@pytest.mark.parametrize("hz", [250, 1000, 4000])
def test_a_tone_keeps_its_pitch(hz: int) -> None:
    time_s = np.arange(SPEC.rate_hz) / SPEC.rate_hz
    tone = (0.3 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)
    sound = VOCODER(log_mel(tone), 0)
    # Half the distance of two filters: a mel knows no more.
    assert hz_of(sound) == pytest.approx(hz, abs=max(25, 0.03 * hz))
    # High filters are wide: their neighbours' share of a tone is partly lost (2.4 dB at 4 kHz).
    assert 0.7 < sound.std() / tone.std() < 1.2


@pytest.mark.parametrize("offset", [0, 50, 128, 200, 255])
def test_a_click_stays_within_two_milliseconds(offset: int) -> None:
    click = np.zeros(SPEC.rate_hz, np.float32)
    click[16000 + offset : 16008 + offset] = 0.8
    loudest = int(np.argmax(np.abs(VOCODER(log_mel(click), 3))))
    assert abs(loudest - 16004 - offset) < 0.002 * SPEC.rate_hz


def test_silence_stays_silent() -> None:
    assert not VOCODER(np.zeros((80, 50), np.float32), 0).any()


@pytest.mark.parametrize("frames", [1, 2, 5, 100])
def test_every_frame_gives_one_hop(frames: int) -> None:
    assert len(VOCODER(np.full((80, frames), 0.3, np.float32), 0)) == frames * SPEC.hop


def test_blocks_are_joined_without_a_seam() -> None:
    rng = np.random.default_rng(0)
    noise = (0.05 * rng.standard_normal(SPEC.rate_hz * 18)).astype(np.float32)
    mel = log_mel(noise)
    error = np.abs(log_mel(VOCODER(mel, 0)) - mel).mean(axis=0)
    assert len(error) > 2100
    assert error[2010:2060].mean() < 1.3 * error.mean()
    assert error[2010:2060].max() < 1.3 * error[200:1800].max()


def test_same_seed_same_sound_and_steps_are_counted() -> None:
    mel = log_mel((0.1 * np.random.default_rng(1).standard_normal(16000)).astype(np.float32))
    calls: list[tuple[int, int]] = []
    first = VOCODER(mel, 5, lambda done, of: calls.append((done, of)))
    assert (first == VOCODER(mel, 5)).all()
    assert not np.allclose(first, VOCODER(mel, 6))
    assert calls == [(8, 32), (16, 32), (24, 32), (32, 32)]


def test_noise_comes_back_within_a_decibel() -> None:
    mel = log_mel((0.1 * np.random.default_rng(1).standard_normal(64000)).astype(np.float32))
    error_db = np.abs(log_mel(VOCODER(mel, 5)) - mel).mean() * SPEC.db_range
    assert error_db < 1.0


def test_a_hop_that_does_not_divide_the_window() -> None:
    spec = MODEL.mel
    sound = Vocoder(spec, mel_filters(spec))(np.full((spec.bands, 70), 0.5, np.float32), 1)
    assert len(sound) == 70 * spec.hop and np.isfinite(sound).all() and sound.any()


def test_the_packaged_filters_are_inverted_at_pitch() -> None:
    folder = Path(__file__).parents[3] / "server" / "foleyline_server" / "bundles" / "mini"
    if not (folder / "bundle.json").exists():
        pytest.skip("the packaged bundle is not here")
    manifest = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    spec = MelSpec(**manifest["model"]["mel"])
    filters = np.load(folder / "mel_filters.npy")
    time_s = np.arange(spec.rate_hz) / spec.rate_hz
    tone = (0.3 * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32)
    mel = filters @ np.abs(Stft(spec.n_fft, spec.hop).forward(tone, 120)).T
    level = spec.db_per_decade * np.log10(np.maximum(spec.floor, mel))
    log_mel = np.clip((level - spec.db_shift) / spec.db_range, 0, 1).astype(np.float32)
    sound = Vocoder(spec, filters)(log_mel, 0)
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) * spec.rate_hz / len(sound) == pytest.approx(1000, abs=15)
