from fractions import Fraction
from math import pi

import av.error
import av.filter
import numpy as np
import pytest

from foleyline_contract.messages import SILENCE_DBFS
from foleyline_server.pipeline.loudness import _BIQUADS, Level, measure

RATE_HZ = 48000
ONE_OF_TWO_CHANNELS_LU = -3.01
"""The test signals of EBU Tech 3341 are stereo, with the same sound in both channels."""


def tone(level_dbfs: float, length_s: float, hz: float = 1000.0) -> np.ndarray:
    time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return (10 ** (level_dbfs / 20) * np.sin(2 * pi * hz * time_s)).astype(np.float32)


def noise(length_s: float, seed: int = 1) -> np.ndarray:
    draws = np.random.default_rng(seed).standard_normal(round(length_s * RATE_HZ))
    return (0.1 * draws).astype(np.float32)


def ffmpeg_says(sound: np.ndarray) -> tuple[float, float]:
    """Integrated loudness (LUFS) and true peak (full scale is 1) by libavfilter's ebur128."""
    graph = av.filter.Graph()
    beat = Fraction(1, RATE_HZ)
    source = graph.add_abuffer(sample_rate=RATE_HZ, format="dbl", layout="mono", time_base=beat)
    meter = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float64), format="dbl", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, beat
    source.push(frame)
    source.push(None)
    found: dict[str, str] = {}
    while True:
        try:
            found |= sink.pull().metadata
        except av.error.EOFError:
            return float(found["lavfi.r128.I"]), float(found["lavfi.r128.true_peak"])


@pytest.mark.parametrize(
    ("parts", "stereo_lufs"),
    [
        ([(-23, 20)], -23),
        ([(-33, 20)], -33),
        ([(-36, 10), (-23, 60), (-36, 10)], -23),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23),
    ],
)
def test_the_signals_of_ebu_tech_3341(parts: list[tuple[float, float]], stereo_lufs: float) -> None:
    level = measure(np.concatenate([tone(*part) for part in parts]))
    assert level.integrated_lufs == pytest.approx(stereo_lufs + ONE_OF_TWO_CHANNELS_LU, abs=0.1)


@pytest.mark.parametrize(
    ("divisor", "degrees", "amplitude", "dbtp"),
    [(4, 0, 0.5, -6), (4, 45, 0.5, -6), (6, 60, 0.5, -6), (8, 67.5, 0.5, -6), (4, 45, 1.41, 3)],
)
def test_the_true_peaks_of_ebu_tech_3341(
    divisor: int, degrees: float, amplitude: float, dbtp: float
) -> None:
    wave = amplitude * np.sin(2 * pi * np.arange(RATE_HZ) / divisor + np.radians(degrees))
    fade = np.minimum(1, np.minimum(np.arange(RATE_HZ), np.arange(RATE_HZ)[::-1]) / 480)
    found = measure((wave * fade).astype(np.float32)).true_peak_dbtp
    assert dbtp - 0.4 <= found <= dbtp + 0.2


@pytest.mark.parametrize("length_s", [0.4, 1.23, 12.34])
def test_another_implementation_agrees(length_s: float) -> None:
    """The filter counts in hundredths of a decibel, and in thousandths of full scale.

    Nothing lies above 16 kHz, as in takes: near 24 kHz no two interpolations are the same.
    """
    sound = noise(length_s) * np.sin(np.linspace(0, pi, round(length_s * RATE_HZ)))
    spectrum = np.fft.rfft(sound)
    spectrum[len(spectrum) * 2 // 3 :] = 0
    sound = np.fft.irfft(spectrum, len(sound)).astype(np.float32)
    level = measure(sound)
    lufs, true_peak = ffmpeg_says(sound)
    assert level.integrated_lufs == pytest.approx(lufs, abs=0.011)
    assert level.true_peak == pytest.approx(true_peak, abs=0.001)


def test_pieces_make_no_difference() -> None:
    """Against the recursion itself, over the borders of pieces and with a part left over."""
    signal = pytest.importorskip("scipy.signal")
    sound = noise(3.77)
    weighted = sound.astype(np.float64)
    for numerator, feedback in _BIQUADS:
        weighted = signal.lfilter(numerator, (1, *feedback), weighted)
    wanted = (weighted[: 37 * 4800].reshape(37, 4800) ** 2).mean(axis=1)
    assert measure(sound).steps == pytest.approx(wanted, rel=1e-12)


def test_a_gain_needs_no_second_measurement() -> None:
    sound = noise(2)
    turned, again = measure(sound).times(0.25), measure(sound * np.float32(0.25))
    assert turned.true_peak == pytest.approx(again.true_peak, rel=1e-6)
    assert turned.integrated_lufs == pytest.approx(again.integrated_lufs, abs=1e-6)


def test_what_is_too_short_or_too_quiet_has_no_loudness() -> None:
    assert measure(noise(0.4)).integrated_lufs is not None
    for sound in (noise(0.39), tone(-75, 5), np.zeros(RATE_HZ, np.float32)):
        assert measure(sound).integrated_lufs is None
    assert measure(noise(0.39)).momentary_max_lufs is None
    assert measure(tone(-75, 5)).momentary_max_lufs == pytest.approx(-78, abs=0.1)


def test_silence_has_finite_levels() -> None:
    assert measure(np.zeros(RATE_HZ, np.float32)).true_peak_dbtp == SILENCE_DBFS
    assert measure(np.zeros(0, np.float32)).true_peak_dbtp == SILENCE_DBFS
    assert Level(0.0, 1e-30, np.zeros(0)).true_peak_dbtp == SILENCE_DBFS
