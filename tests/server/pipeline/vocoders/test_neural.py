"""The neural vocoder with graphs made by hand; exported ones are in tests/export/graphs."""

import numpy as np
import pytest

from foleyline_contract.errors import Cancelled
from foleyline_server.pipeline.stft import Stft
from foleyline_server.pipeline.vocoders import neural
from foleyline_server.pipeline.vocoders.griffin_lim import GriffinLim
from foleyline_server.pipeline.vocoders.neural import MARGIN_FRAMES, Neural

BINS = 513


@pytest.fixture(scope="module")
def spec(analysis):
    return analysis.MINI


@pytest.fixture(scope="module")
def filters(analysis, spec):
    return analysis.filters(spec)


class Blurring:
    """Every bin has the mel's mean over as many frames as a graph may see, and a phase of it."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, mel: np.ndarray) -> dict[str, np.ndarray]:
        assert mel.dtype == np.float32 and mel.shape[:2] == (1, 80)
        self.seen.append(mel.shape[2])
        around = np.ones(2 * MARGIN_FRAMES + 1) / (2 * MARGIN_FRAMES + 1)
        padded = np.pad(mel[0].mean(axis=0), MARGIN_FRAMES)
        level = np.convolve(padded, around, "valid")
        angle = np.outer(np.arange(BINS), 100 * level)
        return {"spectrum": (level * np.stack([np.cos(angle), np.sin(angle)]))[None]}


class Knowing:
    """Knows the true spectrum, whatever the mel; only for mels of one piece."""

    def __init__(self, spectrum: np.ndarray) -> None:
        self.spectrum = spectrum

    def __call__(self, mel: np.ndarray) -> dict[str, np.ndarray]:
        return {"spectrum": np.stack([self.spectrum.real.T, self.spectrum.imag.T])[None]}


def clatter(samples: int) -> np.ndarray:
    draws = np.random.default_rng(2)
    fading = np.exp(-(np.arange(samples) % 9000) / 700)
    return (0.3 * fading * draws.standard_normal(samples)).astype(np.float32)


def test_a_right_guess_is_kept(analysis, spec, filters) -> None:
    """Without a network the phases are anybody's; with a good one they are the sound's own."""
    sound = clatter(120 * spec.hop)
    mel = analysis.log_mel(sound, spec, filters)
    guess = Knowing(Stft(spec.n_fft, spec.hop).forward(sound, 121))
    inside = slice(0, -spec.n_fft)
    likeness = [
        np.corrcoef(made[inside], sound[inside])[0, 1]
        for made in (Neural(spec, filters, guess)(mel, 0), GriffinLim(spec, filters)(mel, 0))
    ]
    assert likeness[0] > 0.99 and abs(likeness[1]) < 0.5


def test_a_piece_cannot_be_told_from_the_whole(spec, filters, monkeypatch) -> None:
    mel = np.random.default_rng(0).random((80, 2500), np.float32)
    graph = Blurring()
    pieces = Neural(spec, filters, graph, rounds=1)(mel, 0)
    assert len(graph.seen) == 5 and max(graph.seen) == 512 + 2 * MARGIN_FRAMES
    monkeypatch.setattr(neural, "_PIECE_FRAMES", 4096)
    whole = Neural(spec, filters, Blurring(), rounds=1)(mel, 0)
    np.testing.assert_allclose(pieces, whole, atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 100])
def test_every_frame_gives_one_hop(spec, filters, frames: int) -> None:
    graph = Blurring()
    sound = Neural(spec, filters, graph)(np.full((80, frames), 0.3, np.float32), 0)
    assert len(sound) == frames * spec.hop and np.isfinite(sound).all() and sound.any()
    assert min(graph.seen) >= 4  # graphs are traced for no fewer


def test_silence_stays_silent_and_seeds_change_nothing(spec, filters) -> None:
    vocoder = Neural(spec, filters, Blurring())
    assert not vocoder(np.zeros((80, 50), np.float32), 0).any()
    mel = np.random.default_rng(0).random((80, 50), np.float32)
    assert (vocoder(mel, 1) == vocoder(mel, 2)).all()


def test_values_outside_the_mels_range_do_not_reach_the_graph(spec, filters) -> None:
    class Strict(Blurring):
        def __call__(self, mel: np.ndarray) -> dict[str, np.ndarray]:
            assert mel.min() >= 0 and mel.max() <= 1
            return super().__call__(mel)

    mel = np.linspace(-0.2, 1.3, 80 * 40, dtype=np.float32).reshape(80, 40)
    assert np.isfinite(Neural(spec, filters, Strict())(mel, 0)).all()


@pytest.mark.parametrize("at", [1, 2, 3])
def test_it_can_be_stopped_between_pieces(spec, filters, at: int) -> None:
    graph, calls = Blurring(), []

    def step(done: int, of: int) -> None:
        calls.append((done, of))
        if len(calls) == at:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Neural(spec, filters, graph)(np.full((80, 1600), 0.5, np.float32), 0, step)
    assert len(graph.seen) == at - 1 and set(calls) == {(0, neural.ROUNDS)}


def test_progress_never_falls_and_ends_with_all(spec, filters) -> None:
    calls: list[tuple[int, int]] = []
    mel = np.full((80, 2200), 0.5, np.float32)
    Neural(spec, filters, Blurring(), rounds=12)(mel, 0, lambda done, of: calls.append((done, of)))
    assert calls == sorted(calls)
    assert {of for _, of in calls} == {24} and calls[-1] == (24, 24)
