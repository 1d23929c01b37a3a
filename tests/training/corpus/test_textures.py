import numpy as np
import pytest

from foleyline_training.corpus.motion import Sustain, TrackBuilder
from foleyline_training.corpus.textures import even_loop, play

RATE_HZ = 8000


@pytest.fixture
def swelling():
    """Two seconds of noise that doubles its loudness twice a second."""
    rng = np.random.default_rng(0)
    swell = 1.5 + 0.5 * np.sin(np.arange(2 * RATE_HZ) / RATE_HZ * 2 * np.pi * 2)
    return (0.1 * swell * rng.standard_normal(2 * RATE_HZ)).astype(np.float32)


def levels(sound: np.ndarray) -> np.ndarray:
    blocks = sound[: sound.size // 800 * 800].reshape(-1, 800)
    return np.sqrt((blocks**2).mean(1))


def test_a_loop_is_even_and_loud_as_promised(swelling) -> None:
    loop = even_loop(swelling, RATE_HZ)
    assert loop is not None
    assert np.sqrt((loop**2).mean()) == pytest.approx(1, abs=1e-3)
    assert levels(loop).std() < 0.1 < levels(swelling / swelling.std()).std()


def test_silence_and_scraps_are_no_loops() -> None:
    assert even_loop(np.zeros(RATE_HZ, np.float32), RATE_HZ) is None
    assert even_loop(np.ones(RATE_HZ // 10, np.float32), RATE_HZ) is None


def steady(level: float, rate: float, start_s: float, length_s: float) -> Sustain:
    levels, rates = TrackBuilder(level), TrackBuilder(rate)
    levels.hold(3.0)
    rates.hold(3.0)
    return Sustain(start_s, length_s, levels.track(), rates.track(), 0.5)


def test_it_sounds_only_while_it_lasts(swelling) -> None:
    loop = even_loop(swelling, RATE_HZ)
    assert loop is not None
    sustain = steady(0.5, 1.0, 1.0, 1.0)
    rng = np.random.default_rng(1)
    heard = play(loop, sustain, rng, total=3 * RATE_HZ, rate_hz=RATE_HZ)
    assert heard.shape == (3 * RATE_HZ,)
    level = levels(heard)
    assert max(*level[:9], *level[21:]) < 1e-6
    assert level[12:18] == pytest.approx(0.5, rel=0.2)
    # No edge is sharp: the first tenth of a second stays below the full level.
    assert level[10] < 0.48


def test_rate_is_pitch() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(2 * RATE_HZ) / RATE_HZ).astype(np.float32)
    loop = even_loop(tone, RATE_HZ)
    assert loop is not None
    peaks = []
    for rate in (1.0, 1.5):
        rng = np.random.default_rng(1)
        sustain = steady(1.0, rate, 0.0, 3.0)
        heard = play(loop, sustain, rng, total=3 * RATE_HZ, rate_hz=RATE_HZ)
        peaks.append(np.argmax(np.abs(np.fft.rfft(heard))) / 3)
    assert peaks == [pytest.approx(200, abs=1), pytest.approx(300, abs=1)]
