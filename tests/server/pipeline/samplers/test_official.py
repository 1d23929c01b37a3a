"""Against tensors of the released system, where the folder with them is at hand."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from foleyline_contract.specs import ScheduleSpec
from foleyline_server.pipeline.samplers import SAMPLERS
from foleyline_server.pipeline.schedule import NoiseLevel, Schedule

GOLDEN = Path(__file__).parents[5] / "shared" / "reference" / "golden"
SCHEDULE = Schedule(ScheduleSpec("scaled-linear", 1000, 0.00085, 0.012, "epsilon"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="the reference tensors are not here"),
]


def normal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)


START = normal("input:toy_xT", (3, 4, 16, 64))
CONDITION = normal("input:toy_cond", (3, 32, 8)) + 1
FEATURES = normal("input:toy_oc", (3, 33, 8))
RAMP = np.linspace(-1, 1, 64, dtype=np.float32)


def toy(latent: np.ndarray, step: float, condition: np.ndarray) -> np.ndarray:
    noise = np.tanh(latent) * (0.5 + step / 1000) + 0.1 * np.roll(latent, 1, axis=3)
    noise = noise + 0.3 * condition.mean((1, 2))[:, None, None, None]
    return (noise + 0.2 * np.sin(6.2831853 * step / 1000)).astype(np.float32)


def toy_gradient(latent: np.ndarray, step: float) -> np.ndarray:
    slope = 16 * (1 + step / 1000)
    logit = slope * (latent * RAMP).mean((1, 2, 3)) + FEATURES.mean((1, 2))
    outer = (1 - 1 / (1 + np.exp(-logit))) * slope / (4 * 16 * 64)
    return (outer[:, None, None, None] * RAMP).astype(np.float32)


def relative_error(name: str, steps: int, cfg: float, align: float, wanted: np.ndarray) -> float:
    def noise(latent: np.ndarray, level: NoiseLevel) -> np.ndarray:
        plain = toy(latent, level.timestep, np.zeros_like(CONDITION))
        guided = plain + np.float32(cfg) * (toy(latent, level.timestep, CONDITION) - plain)
        return guided - np.float32(align * level.sigma) * toy_gradient(latent, level.timestep)

    *_, end = SAMPLERS[name](START, SCHEDULE, steps, noise)
    return float(np.linalg.norm(end - wanted) / np.linalg.norm(wanted))


@pytest.mark.parametrize(
    "key", ["cfg_s25_w4.5_g0", "cfg_s25_w1.0_g0", "cfg_s10_w4.5_g0", "cfg_s50_w6.5_g0",
            "dg_s25_w4.5_g50.0", "dg_s10_w4.5_g50.0"],
)  # fmt: skip
def test_dpm_solver_is_the_released_one(key: str) -> None:
    _, steps, cfg, align = key.split("_")
    with np.load(GOLDEN / "toy_sampler.npz") as golden:
        wanted = golden[f"{key}_final"]
    settings = int(steps[1:]), float(cfg[1:]), float(align[1:])
    assert relative_error("dpm-solver++2m", *settings, wanted) < 1e-5


@pytest.mark.parametrize(
    ("key", "steps", "align"), [("ddim_s25", 25, 0), ("ddim_dg_s25", 25, 50), ("ddim_s50", 50, 0)]
)
def test_ddim_is_the_released_one(key: str, steps: int, align: float) -> None:
    with np.load(GOLDEN / "toy_ddim_plms.npz") as golden:
        assert relative_error("ddim", steps, 4.5, align, golden[key]) < 1e-5


def test_the_schedule_is_the_released_one() -> None:
    levels = [SCHEDULE.at_time(float(time)) for time in np.linspace(1, 0.001, 26)]
    with np.load(GOLDEN / "noise_schedule.npz") as golden:
        for key, values in {
            "t_input": [level.timestep for level in levels],
            "alpha": [level.alpha for level in levels],
            "sigma": [level.sigma for level in levels],
            "lam": [level.lam for level in levels],
        }.items():
            assert np.allclose(values, golden[key], rtol=1e-5, atol=1e-4)
