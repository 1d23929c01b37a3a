from fractions import Fraction

import numpy as np
import pytest

from foleyline_contract.errors import ServerError
from foleyline_contract.messages import SILENCE_DBFS
from foleyline_contract.specs import take_sample_count
from foleyline_server.pipeline.loudness import measure
from foleyline_server.pipeline.pcm import (
    NEAR_SILENT_DBTP,
    NEAR_SILENT_LUFS,
    PEAK_MAX_DBTP,
    finish,
    peak_dbfs,
    to_pcm,
)


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


def tone(amplitude: float, hz: float = 440, length_s: float = 1) -> np.ndarray:
    time_s = np.arange(round(48000 * length_s)) / 48000
    return (amplitude * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def test_loud_takes_are_scaled_down_and_quiet_ones_left_alone() -> None:
    loud, quiet = finish(tone(3), 48000, 48000), finish(tone(0.25), 48000, 48000)
    assert loud.level.true_peak_dbtp == pytest.approx(PEAK_MAX_DBTP, abs=0.001)
    assert loud.gain_db == pytest.approx(20 * np.log10(10 ** (PEAK_MAX_DBTP / 20) / 3), abs=0.01)
    assert quiet.gain_db == 0
    assert quiet.sound == pytest.approx(tone(0.25), abs=1e-4)


@pytest.mark.parametrize("target_lufs", [None, -5.0])
def test_what_is_written_stays_below_the_true_peak(target_lufs: float | None) -> None:
    """Between its samples this tone goes 3 dB higher than at them."""
    time = np.arange(48000)
    sound = np.float32(0.9) * np.sin(np.pi / 2 * time + np.pi / 4).astype(np.float32)
    done = finish(sound, 48000, 48000, target_lufs)
    written = (read(to_pcm(done.sound)) / 2**23).astype(np.float32)
    assert measure(written).true_peak_dbtp < PEAK_MAX_DBTP
    assert peak_dbfs(done.level) == pytest.approx(20 * np.log10(np.abs(written).max()), abs=1e-3)
    assert peak_dbfs(done.level) < PEAK_MAX_DBTP - 2


@pytest.mark.parametrize("target_lufs", [-16.0, -23.0, -60.0])
def test_a_target_is_met(target_lufs: float) -> None:
    done = finish(tone(0.1, 1000, 3), 48000, 144000, target_lufs)
    assert done.level.integrated_lufs == pytest.approx(target_lufs, abs=1e-6)
    assert measure(done.sound).integrated_lufs == pytest.approx(target_lufs, abs=1e-4)
    assert done.gain_db == pytest.approx(target_lufs + 23, abs=0.1)


def test_a_target_is_met_where_a_part_falls_below_the_gate() -> None:
    sound = np.concatenate([tone(0.018, 1000, 3), tone(0.008, 1000, 3)])
    done = finish(sound, 48000, len(sound), -66.0)
    assert measure(done.sound).integrated_lufs == pytest.approx(-66, abs=1e-3)


def test_where_the_peak_stops_a_target_the_loudness_says_so() -> None:
    sound = np.zeros(48000, np.float32)
    sound[::4800] = 0.5
    done = finish(sound, 48000, 48000, -10.0)
    assert done.level.true_peak_dbtp == pytest.approx(PEAK_MAX_DBTP, abs=0.001)
    assert done.level.integrated_lufs == pytest.approx(measure(done.sound).integrated_lufs)
    assert done.level.integrated_lufs < -20


def test_near_silence_is_told_and_not_turned_up() -> None:
    hiss, click = tone(1e-3, 1000, 2), np.zeros(96000, np.float32)
    click[48000] = 0.1
    murmur = tone(10 ** ((NEAR_SILENT_LUFS + 5) / 20), 1000, 2)
    assert measure(murmur).true_peak_dbtp < NEAR_SILENT_DBTP
    assert [finish(each, 48000, 96000).near_silent for each in (hiss, click, murmur)] == [
        True,
        False,
        False,
    ]
    turned = finish(hiss, 48000, 96000, -23.0)
    assert turned.gain_db == 0 and turned.near_silent


def test_a_sound_too_short_for_a_loudness_keeps_its_level() -> None:
    short = finish(tone(0.25, 1000, 0.25), 48000, 12000, -23.0)
    assert (short.gain_db, short.level.integrated_lufs, short.near_silent) == (0, None, False)
    assert finish(tone(1e-3, 1000, 0.25), 48000, 12000).near_silent


def test_silence_has_a_finite_peak() -> None:
    for amplitude in (0, 1e-9):
        silent = finish(np.full(5, amplitude, np.float32), 48000, 5)
        assert peak_dbfs(silent.level) == SILENCE_DBFS


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
            assert len(finish(sound, 32000, wanted).sound) == wanted


def test_resampling_does_not_move_a_click() -> None:
    sound = np.zeros(32000, np.float32)
    sound[16000] = 0.5
    assert int(np.argmax(finish(sound, 32000, 48000).sound)) == 24000
