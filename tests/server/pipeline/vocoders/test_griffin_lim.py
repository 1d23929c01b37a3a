from dataclasses import replace

import numpy as np
import pytest
from tiny_bundle import MODEL, mel_filters

from foleyline_contract.bundle import MEL_FILTERS, read_manifest
from foleyline_server.pipeline.vocoders.griffin_lim import GriffinLim
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES


@pytest.fixture(scope="module")
def spec(analysis):
    return analysis.MINI


@pytest.fixture(scope="module")
def vocoder(analysis, spec):
    return GriffinLim(spec, analysis.filters(spec))


@pytest.fixture(scope="module")
def log_mel(analysis, spec, vocoder):
    return lambda sound: analysis.log_mel(sound, spec, vocoder.filters)


def tone(hz: float, rate_hz: int, samples: int) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(samples) / rate_hz)).astype(np.float32)


def noise(samples: int, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(1).standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize("hz", [250, 1000, 4000])
def test_a_tone_keeps_its_pitch(analysis, spec, vocoder, log_mel, hz: int) -> None:
    sound = tone(hz, spec.rate_hz, spec.rate_hz)
    back = vocoder(log_mel(sound), 0)
    # Half the distance of two filters: a mel knows no more.
    assert analysis.pitch_hz(back, spec.rate_hz) == pytest.approx(hz, abs=max(25, 0.03 * hz))
    assert 0.7 < back.std() / sound.std() < 1.2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_official_mel_at_its_own_rate_and_at_the_released_demos(analysis, seed: int) -> None:
    """The demo inverts as if the mel had been made at 22 050 Hz; bins then lie elsewhere."""
    official, filters = analysis.OFFICIAL, analysis.official_filters
    mel = analysis.log_mel(tone(1000, 16_000, 16_000), official, filters)
    right = GriffinLim(official, filters)(mel, seed)
    assert analysis.pitch_hz(right, 16_000) == pytest.approx(1000, abs=5)
    demos = analysis.filters(replace(official, rate_hz=22_050))
    wrong = GriffinLim(official, demos)(mel, seed)
    assert analysis.pitch_hz(wrong, 16_000) == pytest.approx(1000 * 16_000 / 22_050, abs=5)


@pytest.mark.parametrize("offset", [0, 50, 128, 200, 255])
def test_a_click_stays_within_two_milliseconds(spec, vocoder, log_mel, offset: int) -> None:
    click = np.zeros(spec.rate_hz, np.float32)
    click[16000 + offset : 16008 + offset] = 0.8
    back = vocoder(log_mel(click), 3)
    assert abs(int(np.argmax(np.abs(back))) - 16004 - offset) < 0.002 * spec.rate_hz
    # librosa's inverse leaves -16 to -21 dB ahead of such clicks.
    early = 16000 + offset - round(0.002 * spec.rate_hz)
    assert (back[:early] ** 2).sum() < 0.06 * (back**2).sum()


def test_silence_stays_silent(vocoder) -> None:
    assert not vocoder(np.zeros((80, 50), np.float32), 0).any()


@pytest.mark.parametrize("frames", [1, 2, 5, 100])
def test_every_frame_gives_one_hop(spec, vocoder, frames: int) -> None:
    assert len(vocoder(np.full((80, frames), 0.3, np.float32), 0)) == frames * spec.hop


def test_blocks_are_joined_without_a_seam(spec, vocoder, log_mel) -> None:
    mel = log_mel(noise(spec.rate_hz * 18, 0.05))
    error = np.abs(log_mel(vocoder(mel, 0)) - mel).mean(axis=0)
    assert len(error) > 2100
    assert error[2010:2060].mean() < 1.3 * error.mean()
    assert error[2010:2060].max() < 1.3 * error[200:1800].max()


def test_same_seed_same_sound_and_steps_are_counted(vocoder, log_mel) -> None:
    mel = log_mel(noise(16000))
    calls: list[tuple[int, int]] = []
    first = vocoder(mel, 5, lambda done, of: calls.append((done, of)))
    assert (first == vocoder(mel, 5)).all()
    assert not np.allclose(first, vocoder(mel, 6))
    assert calls == [(8, 40), (16, 40), (24, 40), (32, 40), (40, 40)]


def test_noise_comes_back_within_half_a_decibel(spec, vocoder, log_mel) -> None:
    mel = log_mel(noise(64000))
    assert np.abs(log_mel(vocoder(mel, 5)) - mel).mean() * spec.db_range < 0.5


def test_a_mel_that_no_sound_has_stays_bounded(vocoder) -> None:
    """Networks make such mels; bands of full level between bands of none are the extreme."""
    mel = np.zeros((80, 60), np.float32)
    mel[::4] = 1
    stripes = vocoder(mel, 0)
    even = vocoder(np.ones_like(mel), 0)
    assert 0 < np.abs(stripes).max() < np.abs(even).max()


def test_a_hop_that_does_not_divide_the_window() -> None:
    spec = MODEL.mel
    sound = GriffinLim(spec, mel_filters(spec))(np.full((spec.bands, 70), 0.5, np.float32), 1)
    assert len(sound) == 70 * spec.hop and np.isfinite(sound).all() and sound.any()


def test_the_packaged_filters_are_inverted_at_pitch(analysis) -> None:
    folder = PACKAGED_BUNDLES / "mini"
    spec, filters = read_manifest(folder).model.mel, np.load(folder / MEL_FILTERS)
    mel = analysis.log_mel(tone(1000, spec.rate_hz, spec.rate_hz), spec, filters)
    sound = GriffinLim(spec, filters)(mel, 0)
    assert analysis.pitch_hz(sound, spec.rate_hz) == pytest.approx(1000, abs=15)
