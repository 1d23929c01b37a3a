import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="needs torch: scripts/test --training")
SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_vocoder.py"
GOLDEN = Path(__file__).parents[3] / "shared" / "reference" / "golden"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_vocoder", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_vocoder"] = module  # its dataclasses look themselves up there
    sys.path.insert(0, str(SCRIPT.parent))
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(SCRIPT.parent))
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


@pytest.fixture
def short(bench):
    spec = bench.specs()["official"]
    return bench.Case("short", spec, reference_signal(bench, 60 * spec.hop, spec.rate_hz))


def reference_signal(bench, samples, rate_hz):
    return sys.modules[bench.cases.__module__].reference_signal(samples, rate_hz)


def test_both_sides_are_measured_on_one_case(bench, short) -> None:
    pytest.importorskip("librosa", reason="needs the extra [librosa]: scripts/test --training")
    vocoders = bench.sides(bench.SIDES, None)(short.spec)
    result = bench.measure(short, vocoders, repeats=1)
    theirs, ours = (result.figures[name] for name in bench.SIDES)
    assert result.ratio == pytest.approx(theirs.seconds / ours.seconds)
    assert 0 < ours.log_mel_error_db < theirs.log_mel_error_db < 2
    assert ours.pre_echo_db is None
    assert set(bench.means([result])) == set(bench.SIDES)
    assert "short" in bench.line(result)


def test_mels_can_be_others_than_the_sounds_own(bench, short) -> None:
    """Then the mel that was asked for is the measure, and not the one that the sound has."""
    asked = []

    def inverse(mel, seed):
        asked.append(mel)
        return short.sound

    louder = lambda mel: np.minimum(mel + np.float32(0.02), 1)  # noqa: E731
    result = bench.measure(short, {"perfect": inverse}, 1, louder)
    assert result.figures["perfect"].log_mel_error_db == pytest.approx(2, abs=0.1)
    assert result.figures["perfect"].convergence == 0
    assert asked[0].mean() > bench.log_mel(short.sound, short.spec).mean() + 0.019
    assert "0 of 1" in bench.summary([result])


def test_a_buzz_repeats_itself_and_noise_does_not(bench) -> None:
    measures = sys.modules[bench.cases.__module__]
    spec = bench.specs()["official"]
    noise = measures.steady_noise(spec)
    assert measures.periodicity(noise, spec.rate_hz) < 0.03
    buzz = np.tile(noise[:256], len(noise) // 256)
    assert measures.periodicity(buzz, spec.rate_hz) > 0.95


def test_only_held_out_files_are_heard(bench, tmp_path) -> None:
    tone = np.sin(np.arange(3200) / 5).astype(np.float32)
    for name in ("a/one.wav", "a/two.wav", "b/three.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, tone, 16_000)
    official = {"official": bench.specs()["official"]}
    found = bench.cases(official, tmp_path, only={"a/two.wav"})
    assert [case.name for case in found] == ["official: a"]
    everything = bench.cases(official, tmp_path)
    assert [case.name.split()[-1] for case in everything] == ["signal", "a", "b"]


@pytest.mark.slow
def test_the_made_signal_is_the_goldens(bench) -> None:
    if not GOLDEN.is_dir():
        pytest.skip("the reference tensors are not here")
    with np.load(GOLDEN / "mel.npz") as golden:
        signal, mel = golden["signal"], golden["mel_constant"]
    made = reference_signal(bench, 160_000, 16_000)
    assert np.abs(made - signal).max() < 1e-6
    # The golden one's ends at another sample; what lies inside is the same.
    again = bench.log_mel(made, bench.specs()["official"])
    assert np.abs(again[:, :620] - mel[:, :620]).max() < 1e-4
