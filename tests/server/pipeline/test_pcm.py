from fractions import Fraction

import numpy as np
import pytest

from foleyline_contract.errors import ServerError
from foleyline_contract.messages import SILENCE_DBFS
from foleyline_contract.specs import take_sample_count
from foleyline_server.pipeline.pcm import PEAK_MAX_DBFS, finish, peak_dbfs, to_pcm


def read(pcm: bytes) -> np.ndarray:
    raw = np.frombuffer(pcm, np.uint8).reshape(-1, 3).astype(np.int32)
    value = raw[:, 0] | (raw[:, 1] << 8) | (raw[:, 2] << 16)
    return np.where(value >= 1 << 23, value - (1 << 24), value)


def test_24_bits_little_endian() -> None:
    sound = np.float32([0, 0.5, -0.5, 1, -1, 2**-23, -(2**-23)])
    assert read(to_pcm(sound)).tolist() == [
        0,
        1 << 22,
        -(1 << 22),
        (1 << 23) - 1,
        -(1 << 23),
        1,
        -1,
    ]


def test_loud_takes_are_scaled_down_and_quiet_ones_left_alone() -> None:
    time_s = np.arange(48000) / 48000
    tone = np.sin(2 * np.pi * 440 * time_s).astype(np.float32)
    loud, quiet = finish(3 * tone, 48000, 48000), finish(0.25 * tone, 48000, 48000)
    assert peak_dbfs(loud) < PEAK_MAX_DBFS
    assert peak_dbfs(loud) == pytest.approx(PEAK_MAX_DBFS, abs=0.001)
    assert quiet == pytest.approx(0.25 * tone, abs=1e-4)
    assert np.abs(read(to_pcm(loud))).max() < 10 ** (PEAK_MAX_DBFS / 20) * 2**23


def test_silence_has_a_finite_peak() -> None:
    assert peak_dbfs(np.zeros(5, np.float32)) == SILENCE_DBFS
    assert peak_dbfs(np.full(5, 1e-9, np.float32)) == SILENCE_DBFS


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ServerError):
        finish(np.float32([0, np.nan]), 32000, 3)


@pytest.mark.parametrize("fps", ["24", "24000/1001", "25", "30000/1001", "30", "50", "60"])
def test_length_is_exact_for_every_frame_count(fps: str) -> None:
    for frames in [*range(1, 1001)]:
        duration_s = frames / Fraction(fps)
        exact = frames * 48000 / Fraction(fps)
        wanted = take_sample_count(duration_s)
        assert abs(wanted - exact) <= Fraction(1, 2)
        if frames < 20 or frames in (257, 1000):
            sound = np.full(-(-wanted * 2 // 3), 0.1, np.float32)
            assert len(finish(sound, 32000, wanted)) == wanted


def test_resampling_does_not_move_a_click() -> None:
    sound = np.zeros(32000, np.float32)
    sound[16000] = 0.5
    assert int(np.argmax(finish(sound, 32000, 48000))) == 24000
