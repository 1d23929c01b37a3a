"""The released inverse; against its own results where the folder with them is at hand."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import MODEL

from foleyline_contract.errors import Cancelled, SettingInvalid
from foleyline_server.pipeline.vocoders.blocks import BLOCK_FRAMES, SHARED_FRAMES
from foleyline_server.pipeline.vocoders.griffin_lim import GriffinLim
from foleyline_server.pipeline.vocoders.librosa_inverse import LibrosaInverse

GOLDEN = Path(__file__).parents[5] / "shared" / "reference" / "golden"
SMALL = LibrosaInverse(replace(MODEL.mel, fmax_hz=3900.0))


@pytest.fixture
def librosa():
    return pytest.importorskip(
        "librosa", reason="needs the extra [librosa]: scripts/test --training"
    )


def test_without_librosa_it_says_how_to_get_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(SettingInvalid) as caught:
        SMALL(np.zeros((16, 9), np.float32), 0)
    assert 'pip install "foleyline[librosa]"' in caught.value.remedy


@pytest.mark.usefixtures("librosa")
@pytest.mark.parametrize("seed", [0, 3])
def test_a_tone_keeps_its_pitch_at_the_right_rate_only(analysis, seed: int) -> None:
    official = analysis.OFFICIAL
    time_s = np.arange(16_000) / 16_000
    tone = (0.3 * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32)
    mel = analysis.log_mel(tone, official, analysis.official_filters)
    right = LibrosaInverse(official)(mel, seed)
    assert len(right) == mel.shape[1] * official.hop
    assert analysis.pitch_hz(right, 16_000) == pytest.approx(1000, abs=5)
    wrong = LibrosaInverse(replace(official, rate_hz=22_050))(mel, seed)
    assert analysis.pitch_hz(wrong, 16_000) == pytest.approx(1000 * 16_000 / 22_050, abs=5)


@pytest.mark.usefixtures("librosa")
@pytest.mark.parametrize("frames", [1, 2, 5, 100])
def test_every_frame_gives_one_hop_and_seeds_differ(frames: int) -> None:
    mel = np.full((16, frames), 0.5, np.float32)
    sound = SMALL(mel, 1)
    assert len(sound) == frames * SMALL.spec.hop and sound.any()
    assert (SMALL(mel, 1) == sound).all()
    assert not np.allclose(SMALL(mel, 2), sound)


@pytest.mark.usefixtures("librosa")
def test_long_mels_go_in_blocks_that_are_heard_and_joined() -> None:
    frames = 2 * BLOCK_FRAMES - SHARED_FRAMES
    mel = np.full((16, frames), 0.5, np.float32)
    calls: list[tuple[int, int]] = []
    sound = SMALL(mel, 1, lambda done, of: calls.append((done, of)))
    assert [done for done, _ in calls] == list(range(1, calls[-1][1] + 1))
    assert len({of for _, of in calls}) == 1
    loud = np.sqrt((sound.reshape(frames, -1) ** 2).mean(axis=1))
    seam = loud[BLOCK_FRAMES - SHARED_FRAMES : BLOCK_FRAMES]
    assert 0.8 < seam.mean() / loud.mean() < 1.2
    assert seam.min() > 0.9 * loud[100:1900].min()


@pytest.mark.usefixtures("librosa")
def test_it_can_be_stopped_between_fitting_and_phases() -> None:
    def stop(_done: int, _of: int) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        SMALL(np.full((16, 30), 0.5, np.float32), 1, stop)


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    if not GOLDEN.is_dir():
        pytest.skip("the reference tensors are not here")
    with np.load(GOLDEN / "mel.npz") as mels, np.load(GOLDEN / "inverse.npz") as inverse:
        return {"mel": mels["mel_reflect"][:, :512], **inverse}


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [16_000, 22_050])
def test_the_released_inverse(librosa, analysis, golden, rate_hz: int) -> None:
    """At its own rate, and as the demo has it. Arrays are kept with a stride, flattened."""
    spec = replace(analysis.OFFICIAL, rate_hz=rate_hz)
    inverse, mel = LibrosaInverse(spec), golden["mel"]
    linear = 10 ** ((mel * 100 - 80) / 20)
    assert np.allclose(linear.ravel()[::3], golden["linear_mel_for_inverse"], rtol=1e-5)
    magnitudes = inverse.magnitudes(mel)
    filters = analysis.filters(spec)
    residual = np.linalg.norm(filters @ magnitudes - linear) / np.linalg.norm(linear)
    assert residual < golden[f"nnls_residual_{rate_hz}"] * (1 + 1e-5)
    sound = inverse.sound(magnitudes, np.random.RandomState(0))
    assert sound.shape == (511 * 256,)
    again = np.abs(librosa.stft(sound, n_fft=1024, hop_length=256, pad_mode="reflect"))
    convergence = np.linalg.norm(again - magnitudes) / np.linalg.norm(magnitudes)
    wanted = golden[f"spectral_convergence_seed0_{rate_hz}"]
    assert convergence == pytest.approx(wanted, rel=1e-3)
    # How the solver ends differs between releases of SciPy; where it ends the same, so does this.
    if relative(magnitudes.ravel()[::5], golden[f"stft_mag_{rate_hz}"]) < 1e-6:
        assert relative(sound[::3], golden[f"wav_seed0_{rate_hz}"]) < 1e-3


@pytest.mark.slow
def test_in_slices_the_fit_is_the_same(analysis, golden) -> None:
    """The whole window at once and 128 frames at a time, which is what a job does."""
    pytest.importorskip("librosa", reason="needs the extra [librosa]")
    inverse = LibrosaInverse(analysis.OFFICIAL)
    parts = [inverse.magnitudes(golden["mel"][:, at : at + 128]) for at in range(0, 512, 128)]
    assert relative(np.concatenate(parts, axis=1), inverse.magnitudes(golden["mel"])) < 1e-3


@pytest.mark.slow
@pytest.mark.usefixtures("librosa")
def test_ours_is_nearer_to_the_golden_mel(analysis, golden) -> None:
    spec, filters, mel = analysis.OFFICIAL, analysis.official_filters, golden["mel"]
    errors = [
        float(np.abs(analysis.log_mel(vocoder(mel, 0), spec, filters) - mel).mean()) * 100
        for vocoder in (GriffinLim(spec, filters), LibrosaInverse(spec))
    ]
    assert errors[0] < 0.6 * errors[1]


@pytest.mark.slow
def test_the_filters_are_the_released_ones(analysis) -> None:
    if not GOLDEN.is_dir():
        pytest.skip("the reference tensors are not here")
    with np.load(GOLDEN / "mel_filterbank.npz") as wanted:
        assert np.allclose(analysis.official_filters, wanted["fb_16k_128"], atol=1e-7)
        demos = analysis.filters(replace(analysis.OFFICIAL, rate_hz=22_050))
        assert np.allclose(demos, wanted["fb_22k_128"], atol=1e-7)


def relative(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))
