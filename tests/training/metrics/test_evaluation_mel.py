import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foleyline_training.data.mel import LogMel, mel_filters
from foleyline_training.metrics.evaluation_mel import BANDS, RATE_HZ, evaluation_mel
from foleyline_training.models.diff_foley.spec import MODEL

SPEC = MODEL.mel
FRAMES = 512
NEARLY_EQUAL = 1e-5


def golden_mel() -> np.ndarray:
    """The golden `mel` of 512 frames, whose signal follows from a rule."""
    seed = int.from_bytes(hashlib.sha256(b"input:wav").digest()[:8], "little")
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(160_000, dtype="f4")
    time_s = np.arange(160_000) / SPEC.rate_hz
    sweep = np.sin(2 * np.pi * (200 * time_s + 150 * time_s**2)) * np.exp(-6 * (time_s % 1.25))
    signal = 0.02 * noise + 0.3 * sweep + 0.05 * np.sin(2 * np.pi * 3000 * time_s)
    # The librosa of 2022 reflected the signal at its ends.
    edge = 2 * SPEC.hop
    reflected = F.pad(torch.from_numpy(signal.astype("f4"))[None], (edge, 0), mode="reflect")
    return LogMel(SPEC)(reflected)[0, :, 2 : 2 + FRAMES].numpy()


def test_official_values(golden):
    wanted = golden("evaluation_mel")
    mel = evaluation_mel(golden_mel(), SPEC)
    assert mel.shape == (BANDS, 706)
    found = mel.ravel()[:: wanted["stride"]]
    distance = np.linalg.norm(found - wanted["mel"]) / np.linalg.norm(wanted["mel"])
    assert distance < NEARLY_EQUAL


@pytest.mark.parametrize(("tone_hz", "heard_hz"), [(1000, 1271), (4000, 5601)])
def test_pitches_rise(tone_hz, heard_hz):
    """A flaw of the original that published figures were measured with."""
    tone = 0.3 * torch.sin(2 * torch.pi * tone_hz * torch.arange(64 * SPEC.hop) / SPEC.rate_hz)
    loudest = evaluation_mel(LogMel(SPEC)(tone[None])[0].numpy(), SPEC).mean(1).argmax()
    bins_hz = np.linspace(0, RATE_HZ / 2, SPEC.n_fft // 2 + 1)
    target = replace(SPEC, rate_hz=RATE_HZ, bands=BANDS, fmin_hz=0.0, fmax_hz=RATE_HZ / 2)
    weights = mel_filters(target)[loudest]
    assert (weights * bins_hz).sum() / weights.sum() == pytest.approx(heard_hz, rel=0.01)


def test_silence_stays_silent_and_values_within_one():
    assert evaluation_mel(np.zeros((SPEC.bands, FRAMES), np.float32), SPEC).max() < 1e-3
    noise = np.random.default_rng(0).random((SPEC.bands, FRAMES)).astype(np.float32)
    mel = evaluation_mel(noise, SPEC)
    assert mel.dtype == np.float32
    assert mel.min() >= 0
    assert mel.max() <= 1
