import numpy as np
import pytest
import torch

from foleyline_training.data.mel import LogMel
from foleyline_training.data.quick_sound import quick_sound


@pytest.fixture(scope="module")
def tone(tiny):
    time_s = np.arange(tiny.mel.rate_hz // 2) / tiny.mel.rate_hz
    sound = 0.5 * np.sin(2 * np.pi * 1000 * time_s) * (time_s > 0.25)
    return LogMel(tiny.mel)(torch.from_numpy(sound.astype(np.float32))[None])[0].numpy()


def test_a_tone_comes_back_at_its_pitch_and_time(tiny, tone):
    sound = quick_sound(tone, tiny.mel)
    assert sound.shape == (tone.shape[1] * tiny.mel.hop,)
    half = len(sound) // 2
    assert np.abs(sound[: half - 256]).max() < 0.05 < np.abs(sound[half:]).max() <= 1
    loudest = np.abs(np.fft.rfft(sound[half:])).argmax() * tiny.mel.rate_hz / half
    assert loudest == pytest.approx(1000, rel=0.15)  # 16 bands know no better


def test_same_mel_same_sound(tiny, tone):
    assert np.array_equal(quick_sound(tone, tiny.mel), quick_sound(tone, tiny.mel))


def test_silence_is_silent(tiny):
    assert not quick_sound(np.zeros((16, 40), np.float32), tiny.mel).any()
