import numpy as np
import pytest

from foleyline_contract.errors import BundleIncomplete
from foleyline_server.pipeline.guidance import Guidance, as_noise
from foleyline_server.pipeline.schedule import NoiseLevel

LEVEL = NoiseLevel(500.0, 0.6, 0.8)
LATENTS = np.linspace(-1, 1, 24, dtype=np.float32).reshape(3, 2, 4)
"""Of three windows."""
LATENT = LATENTS[:1]
CONDITIONS = np.arange(2, 5, dtype=np.float32)[:, None, None] * np.ones((3, 3, 2), np.float32)
FEATURES = np.arange(1, 4, dtype=np.float32)[:, None, None] * np.ones((3, 3, 5), np.float32)


class Unet:
    """Predicts the mean of each row's condition; remembers what it was fed."""

    def __init__(self) -> None:
        self.calls: list[dict[str, np.ndarray]] = []

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        self.calls.append(inputs)
        means = inputs["condition"].mean((1, 2), keepdims=True)
        return {"prediction": np.broadcast_to(means, inputs["latent"].shape).astype(np.float32)}


class Aligner:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        self.calls += 1
        scale = inputs["features"].mean((1, 2), keepdims=True)
        return {"gradient": inputs["latent"] * 3 * scale, "log_prob": -scale[:, 0, 0]}


def guided(cfg: float, align: float, windows: int = 1) -> tuple[np.ndarray, Unet, Aligner]:
    unet, aligner = Unet(), Aligner()
    guidance = Guidance(unet, aligner, "epsilon", cfg, align)
    rows = LATENTS[:windows], LEVEL, CONDITIONS[:windows], FEATURES[:windows]
    return guidance.noise(*rows), unet, aligner


def test_the_formula() -> None:
    noise, unet, aligner = guided(4.5, 10.0)
    assert noise == pytest.approx(4.5 * 2.0 - 10.0 * 0.8 * 3 * LATENT, rel=1e-6)
    assert len(unet.calls) == aligner.calls == 1
    assert unet.calls[0]["condition"].mean((1, 2)).tolist() == [0, 2]
    assert unet.calls[0]["timestep"].tolist() == [500, 500]


@pytest.mark.parametrize("cfg", [0.0, 1.0, 4.5])
@pytest.mark.parametrize("align", [0.0, 10.0])
def test_windows_in_one_batch_do_not_see_each_other(cfg: float, align: float) -> None:
    together, unet, aligner = guided(cfg, align, windows=3)
    assert (len(unet.calls), aligner.calls) == (1, int(align > 0))
    for window in range(3):
        rows = slice(window, window + 1)
        guidance = Guidance(Unet(), Aligner(), "epsilon", cfg, align)
        alone = guidance.noise(LATENTS[rows], LEVEL, CONDITIONS[rows], FEATURES[rows])
        assert together[rows] == pytest.approx(alone, rel=1e-6)


def test_all_unconditional_rows_come_first() -> None:
    (call,) = guided(4.5, 0.0, windows=3)[1].calls
    assert call["condition"].mean((1, 2)).tolist() == [0, 0, 0, 2, 3, 4]
    assert (call["latent"] == np.concatenate([LATENTS, LATENTS])).all()


def test_every_window_is_scored() -> None:
    guidance = Guidance(Unet(), Aligner(), "epsilon", 1.0, 1.0)
    assert guidance.log_prob(LATENTS, FEATURES).tolist() == [-1, -2, -3]


def test_align_scale_zero_never_runs_the_aligner() -> None:
    assert guided(4.5, 0.0)[2].calls == 0


@pytest.mark.parametrize(("cfg", "mean"), [(1.0, 2.0), (0.0, 0.0)])
def test_one_row_is_enough_at_one_and_at_zero_and_keeps_alignment(cfg: float, mean: float) -> None:
    noise, unet, aligner = guided(cfg, 10.0)
    assert len(unet.calls[0]["latent"]) == 1
    assert unet.calls[0]["condition"].mean() == mean
    assert aligner.calls == 1
    assert noise == pytest.approx(mean - 24 * LATENT, rel=1e-6)


def test_every_kind_of_prediction_means_the_same_noise() -> None:
    clean, noise = LATENT, LATENT[::-1] * 2
    latent = np.float32(0.6) * clean + np.float32(0.8) * noise
    velocity = np.float32(0.6) * noise - np.float32(0.8) * clean
    for kind, prediction in {"epsilon": noise, "x0": clean, "v": velocity}.items():
        assert as_noise(kind, prediction, latent, LEVEL) == pytest.approx(noise, abs=1e-6)
    with pytest.raises(BundleIncomplete, match="score"):
        as_noise("score", noise, latent, LEVEL)
