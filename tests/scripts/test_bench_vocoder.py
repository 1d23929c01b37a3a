import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("librosa", reason="needs the extra [librosa]: scripts/test --training")
SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_vocoder.py"
GOLDEN = Path(__file__).parents[3] / "shared" / "reference" / "golden"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_vocoder", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_vocoder"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bench_vocoder"]


@pytest.fixture
def clicks(bench):
    sound = np.zeros(100 * 256, np.float32)
    sound[[6000, 16_000]] = 0.5
    return bench.Case("clicks", bench.specs()["official"], sound, (6000, 16_000))


def test_a_sound_is_no_distance_from_itself(bench, clicks) -> None:
    assert bench.spectral_distance(clicks.sound, clicks.sound) == (0, 0)
    convergence, log_db = bench.spectral_distance(clicks.sound, 0.5 * clicks.sound)
    assert convergence == pytest.approx(0.5, abs=1e-3) and 0 < log_db < 6.1


def test_pre_echo_is_what_comes_before_an_onset(bench, clicks) -> None:
    assert bench.pre_echo_db(clicks, clicks.sound) == pytest.approx(-50)
    early = clicks.sound.copy()
    early[[5900, 15_900]] = 0.05
    assert bench.pre_echo_db(clicks, early) == pytest.approx(-20, abs=0.1)


def test_both_sides_are_measured_on_one_case(bench) -> None:
    spec = bench.specs()["official"]
    case = bench.Case("short", spec, bench.reference_signal(60 * spec.hop, spec.rate_hz))
    result = bench.measure(case, repeats=1)
    assert result.ratio == pytest.approx(result.theirs.seconds / result.ours.seconds)
    assert 0 < result.ours.log_mel_error_db < result.theirs.log_mel_error_db < 2
    assert result.ours.pre_echo_db is None
    assert set(bench.means([result])) == set(bench.SIDES)
    assert "short" in bench.line(result)


@pytest.mark.slow
def test_the_made_signal_is_the_goldens(bench) -> None:
    if not GOLDEN.is_dir():
        pytest.skip("the reference tensors are not here")
    with np.load(GOLDEN / "mel.npz") as golden:
        signal, mel = golden["signal"], golden["mel_constant"]
    made = bench.reference_signal(160_000, 16_000)
    assert np.abs(made - signal).max() < 1e-6
    # The golden one's ends at another sample; what lies inside is the same.
    again = bench.log_mel(made, bench.specs()["official"])
    assert np.abs(again[:, :620] - mel[:, :620]).max() < 1e-4
