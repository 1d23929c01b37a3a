"""Against diffusers' schedulers, on grids where the two are meant to agree.

DDIM and PLMS share the released system's integer steps (diffusers: ``leading`` spacing, an
offset of one, ending at index 0). DPM-Solver++ does not: ours runs on fractional steps that are
even in time, diffusers' on rounded ones whose levels it interpolates in sigma. So it is
compared where ours are whole, 999 being a multiple of the number of steps, with those steps
given to diffusers.
"""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, PNDMScheduler

from foleyline_contract.specs import ScheduleSpec
from foleyline_server.pipeline.samplers import SAMPLERS
from foleyline_server.pipeline.schedule import NoiseLevel, Schedule

SCHEDULE = Schedule(ScheduleSpec("scaled-linear", 1000, 0.00085, 0.012, "epsilon"))
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
RELEASED_GRID = {"timestep_spacing": "leading", "steps_offset": 1, "set_alpha_to_one": False}
START = np.random.default_rng(2).standard_normal((4, 16)).astype(np.float32)


def noise(latent: np.ndarray, timestep: float) -> np.ndarray:
    """Neither linear nor the same at any two steps."""
    part = np.tanh(latent) * (0.5 + timestep / 1000) + 0.1 * np.roll(latent, 1, axis=-1)
    return (part + 0.2 * np.sin(timestep / 160)).astype(np.float32)


def ours(name: str, steps: int) -> np.ndarray:
    def predict(latent: np.ndarray, level: NoiseLevel) -> np.ndarray:
        return noise(latent, level.timestep)

    *_, end = SAMPLERS[name](START, SCHEDULE, steps, predict)
    return end


def theirs(scheduler) -> np.ndarray:
    latent = torch.from_numpy(START)
    for step in scheduler.timesteps:
        estimate = torch.from_numpy(noise(latent.numpy(), float(step)))
        latent = scheduler.step(estimate, step, latent).prev_sample
    return latent.numpy()


def assert_same(mine: np.ndarray, other: np.ndarray) -> None:
    assert np.linalg.norm(mine - other) < 1e-5 * np.linalg.norm(other)


@pytest.mark.parametrize("steps", [2, 25, 30, 250])
def test_ddim(steps: int) -> None:
    scheduler = DDIMScheduler(clip_sample=False, **BETAS, **RELEASED_GRID)
    scheduler.set_timesteps(steps)
    assert_same(ours("ddim", steps), theirs(scheduler))


@pytest.mark.parametrize("steps", [2, 3, 4, 25, 30, 250])
def test_plms(steps: int) -> None:
    scheduler = PNDMScheduler(skip_prk_steps=True, **BETAS, **RELEASED_GRID)
    scheduler.set_timesteps(steps)
    assert len(scheduler.timesteps) == steps + 1
    assert_same(ours("plms", steps), theirs(scheduler))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:diffusers")
@pytest.mark.parametrize("steps", [3, 9, 27, 111])
def test_dpm_solver(steps: int) -> None:
    """With 3 and 9 steps the last one is of first order in both."""
    stride = 999 // steps
    scheduler = DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++", solver_order=2, final_sigmas_type="sigma_min", **BETAS
    )
    scheduler.set_timesteps(timesteps=list(range(999, 0, -stride)))
    assert_same(ours("dpm-solver++2m", steps), theirs(scheduler))
