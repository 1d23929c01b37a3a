"""How loud a sound is: peaks, and loudness as broadcasters measure it.

Nothing is changed here; pcm.py sets levels.

FFmpeg's ``ebur128`` filter, which PyAV could run, gives loudness in hundredths and the true peak
in thousandths of full scale, so 0.1 dB and more for a quiet take, and would have to run again
after every change of level. pyloudnorm needs SciPy. So it stands here, and a test holds it to the
filter.

Source: ITU-R BS.1770-4, annex 1 (K-weighting, gates) and annex 2 (true peak); EBU R 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import log10

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from foleyline_contract.messages import SILENCE_DBFS
from foleyline_contract.specs import TAKE_RATE_HZ

Floats = NDArray[np.float32]
_BIQUADS = (
    (
        (1.53512485958697, -2.69169618940638, 1.19839281085285),
        (-1.69065929318241, 0.73248077421585),
    ),
    ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621)),
)
"""The head and the high-pass, at 48 kHz: numerator, and denominator after its 1."""
_OFFSET_LU = -0.691
_STEP_SAMPLES = TAKE_RATE_HZ // 10
_STEPS_PER_BLOCK = 4
_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OVERSAMPLING = 4
_PIECE_STEPS = 12
_PIECE_SAMPLES = _PIECE_STEPS * _STEP_SAMPLES
_FFT_SAMPLES = 1 << 16
_MEMORY_SAMPLES = _FFT_SAMPLES - _PIECE_SAMPLES
"""What the filters remember: after so many samples their answer has fallen below 1e-16."""


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured of a sound at 48 kHz; full scale is 1.

    Attributes:
        sample_peak: largest magnitude of a sample.
        true_peak: largest magnitude at four times the rate, or of a sample.
        steps: mean square after K-weighting of each whole tenth of a second.
    """

    sample_peak: float
    true_peak: float
    steps: NDArray[np.float64]

    def times(self, gain: float) -> Level:
        """The level of the same sound times ``gain``: nothing has to be measured again."""
        return Level(self.sample_peak * gain, self.true_peak * gain, self.steps * gain**2)

    @property
    def true_peak_dbtp(self) -> float:
        """SILENCE_DBFS when there is nothing."""
        return max(SILENCE_DBFS, 20 * log10(self.true_peak)) if self.true_peak else SILENCE_DBFS

    @property
    def momentary_max_lufs(self) -> float | None:
        """Loudness of the loudest 0.4 s; None for sounds shorter than that, or all zero."""
        loudest = float(self._blocks().max(initial=0.0))
        return _lufs(loudest) if loudest else None

    @property
    def integrated_lufs(self) -> float | None:
        """Integrated loudness; None when no 0.4 s are louder than -70 LUFS."""
        blocks = self._blocks()
        heard = blocks[blocks > _power(_GATE_LUFS)]
        if not len(heard):
            return None
        gate = _power(_lufs(float(heard.mean())) + _RELATIVE_GATE_LU)
        return _lufs(float(heard[heard > gate].mean()))

    def _blocks(self) -> NDArray[np.float64]:
        """Mean squares of 0.4 s each, a tenth of a second apart."""
        if len(self.steps) < _STEPS_PER_BLOCK:
            return np.zeros(0)
        windows = np.lib.stride_tricks.sliding_window_view(self.steps, _STEPS_PER_BLOCK)
        return windows.mean(axis=1)


def measure(sound: Floats) -> Level:
    """Measure a sound (samples,) at 48 kHz, piece by piece.

    Beside a constant it takes 80 bytes of memory a second.
    """
    stream = soxr.ResampleStream(TAKE_RATE_HZ, _OVERSAMPLING * TAKE_RATE_HZ, 1, "float32", "HQ")
    sample_peak = true_peak = 0.0
    steps = np.empty(-(-len(sound) // _PIECE_SAMPLES) * _PIECE_STEPS)
    for number, start in enumerate(range(0, len(sound), _PIECE_SAMPLES)):
        end = start + _PIECE_SAMPLES
        piece = sound[start:end]
        sample_peak = max(sample_peak, _peak(piece))
        between = stream.resample_chunk(piece, last=end >= len(sound))
        true_peak = max(true_peak, _peak(np.asarray(between, np.float32)))
        weighted = _k_weighted(sound[max(0, start - _MEMORY_SAMPLES) : end], len(piece))
        first = number * _PIECE_STEPS
        steps[first : first + _PIECE_STEPS] = _mean_squares(weighted)
    whole = len(sound) // _STEP_SAMPLES
    return Level(sample_peak, max(sample_peak, true_peak), steps[:whole].copy())


def _peak(sound: Floats) -> float:
    return max(float(sound.max(initial=0.0)), -float(sound.min(initial=0.0)))


def _k_weighted(sound: Floats, count: int) -> NDArray[np.float64]:
    """The last ``count`` samples of a sound after both filters.

    The rest goes before them and is what the filters remember; what they remembered before
    that is below rounding, so this is the recursion's own answer.
    """
    padded = np.zeros(_FFT_SAMPLES)
    padded[: len(sound)] = sound
    heard = np.fft.irfft(np.fft.rfft(padded) * _response())
    return heard[len(sound) - count : len(sound)]


@cache
def _response() -> NDArray[np.complex128]:
    """Both filters at the frequencies of the transform."""
    delay = np.exp(-2j * np.pi * np.fft.rfftfreq(_FFT_SAMPLES))
    response = np.ones_like(delay)
    for (b0, b1, b2), (a1, a2) in _BIQUADS:
        response *= (b0 + (b1 + b2 * delay) * delay) / (1 + (a1 + a2 * delay) * delay)
    return response


def _mean_squares(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each tenth of a second of a piece; what is missing counts as silence."""
    squares = np.zeros(_PIECE_SAMPLES)
    np.square(sound, out=squares[: len(sound)])
    return squares.reshape(-1, _STEP_SAMPLES).mean(axis=1)


def _lufs(power: float) -> float:
    return _OFFSET_LU + 10 * log10(power)


def _power(lufs: float) -> float:
    return 10 ** ((lufs - _OFFSET_LU) / 10)
