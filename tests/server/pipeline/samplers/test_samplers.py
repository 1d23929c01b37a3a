from itertools import pairwise
from math import exp, inf, sqrt

import numpy as np
import pytest

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.specs import ScheduleSpec
from foleyline_server.pipeline.samplers import SAMPLERS, sampler_named
from foleyline_server.pipeline.samplers.ddim import ddim_levels
from foleyline_server.pipeline.schedule import NoiseLevel, Schedule

SCHEDULE = Schedule(ScheduleSpec("scaled-linear", 1000, 0.00085, 0.012, "epsilon"))
VARIANCE = 0.25
"""Of the Gaussian data whose exact solution is known."""


def exact_noise(latent: np.ndarray, level: NoiseLevel) -> np.ndarray:
    """The best noise estimate when the data is Gaussian with VARIANCE around 0."""
    return latent * np.float32(level.sigma / (level.alpha**2 * VARIANCE + level.sigma**2))


def exact_end(start: np.ndarray, first: NoiseLevel, last: NoiseLevel) -> np.ndarray:
    """Where the probability flow takes a point: it keeps its distance in standard deviations."""

    def deviation(level: NoiseLevel) -> float:
        return sqrt(level.alpha**2 * VARIANCE + level.sigma**2)

    return start * np.float32(deviation(last) / deviation(first))


def run(name: str, steps: int) -> list[np.ndarray]:
    start = np.linspace(-2, 2, 64, dtype=np.float32).reshape(4, 16)
    return [start, *SAMPLERS[name](start, SCHEDULE, steps, exact_noise)]


def by_the_paper(start: float, steps: int) -> float:
    """Algorithm 2 of DPM-Solver++ for one number, written out as the paper does."""
    levels = [SCHEDULE.at_time(time) for time in np.linspace(1, 0.001, steps + 1)]
    value, before, ratio = start, 0.0, inf
    for index, (here, there) in enumerate(pairwise(levels)):
        noise = value * here.sigma / (here.alpha**2 * VARIANCE + here.sigma**2)
        clean = (value - here.sigma * noise) / here.alpha
        step = there.lam - here.lam
        part = 0.0 if index == steps - 1 and steps < 15 else 1 / (2 * ratio / step)
        target = (1 + part) * clean - part * before
        value = there.sigma / here.sigma * value - there.alpha * (exp(-step) - 1) * target
        before, ratio = clean, step
    return value


@pytest.mark.parametrize("steps", [1, 2, 10, 14, 15, 25, 100])
def test_dpm_solver_is_the_papers(steps: int) -> None:
    latents = run("dpm-solver++2m", steps)
    wanted = [by_the_paper(float(start), steps) for start in latents[0].ravel()]
    assert latents[-1].ravel() == pytest.approx(wanted, rel=1e-5, abs=5e-6)
    assert latents[-1].dtype == np.float32


def test_dpm_solver_solves_gaussian_data_at_second_order() -> None:
    errors: list[float] = []
    for steps in (100, 200):
        latents = run("dpm-solver++2m", steps)
        wanted = exact_end(latents[0], SCHEDULE.at_time(1.0), SCHEDULE.at_time(0.001))
        errors.append(float(np.linalg.norm(latents[-1] - wanted) / np.linalg.norm(wanted)))
    # Measured 0.016 and 0.0054; a first-order solver gets 0.024 and 0.012.
    assert errors[0] < 0.018
    assert errors[1] < errors[0] / 2.7


@pytest.mark.parametrize(("name", "error_max"), [("ddim", 0.05), ("plms", 0.001)])
def test_samplers_on_integer_steps_solve_gaussian_data(name: str, error_max: float) -> None:
    latents = run(name, 100)
    wanted = exact_end(latents[0], SCHEDULE.at_index(991), SCHEDULE.at_index(0))
    error = np.linalg.norm(latents[-1] - wanted) / np.linalg.norm(wanted)
    assert error < error_max


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 30, 250])
def test_takes_as_many_steps_as_asked(name: str, steps: int) -> None:
    latents = run(name, steps)
    assert len(latents) == steps + 1
    assert np.isfinite(latents[-1]).all()


def test_dpm_solver_feeds_fractional_steps_and_not_the_last() -> None:
    seen: list[float] = []

    def spy(latent: np.ndarray, level: NoiseLevel) -> np.ndarray:
        seen.append(level.timestep)
        return exact_noise(latent, level)

    list(SAMPLERS["dpm-solver++2m"](np.zeros((1, 2), np.float32), SCHEDULE, 25, spy))
    assert seen[:2] == pytest.approx([999, 959.04])
    assert seen[-1] == pytest.approx(39.96)


@pytest.mark.parametrize("steps", [1, 25, 30, 50, 201, 250])
def test_the_grid_of_integer_steps(steps: int) -> None:
    """The lowest of the released system's steps, and all of them where steps divides 1000."""
    released = [step + 1 for step in range(0, 1000, 1000 // steps)]
    ours = [level.timestep for level in ddim_levels(SCHEDULE, steps)]
    assert ours == [*reversed(released[:steps]), 0]
    assert (len(released) == steps) == (1000 % steps == 0)


def test_plms_extrapolates_what_ddim_takes_as_it_is() -> None:
    """Noise that is a cubic polynomial of the step number is extrapolated without error."""
    values: list[float] = []

    def cubic(latent: np.ndarray, level: NoiseLevel) -> np.ndarray:
        step = (level.timestep - 1) / 100
        values.append(step)
        return np.full_like(latent, step**3 - step)

    start = np.zeros((1, 1), np.float32)
    latents = [start, *SAMPLERS["plms"](start, SCHEDULE, 10, cubic)]
    assert values == [9, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    # Adams-Bashforth gives the mean over the coming step, which for a cubic is exact.
    levels = ddim_levels(SCHEDULE, 10)
    for number in range(3, 10):
        here, there = levels[number], levels[number + 1]
        upper, lower = 9 - number, 8 - number
        mean = (upper**4 - lower**4) / 4 - (upper**2 - lower**2) / 2
        before = float(latents[number][0, 0])
        clean = (before - here.sigma * mean) / here.alpha
        after = there.alpha * clean + there.sigma * mean
        assert float(latents[number + 1][0, 0]) == pytest.approx(after, rel=1e-4)


def test_an_unknown_sampler_is_named_with_the_known() -> None:
    with pytest.raises(SettingInvalid, match=r"euler.*ddim"):
        sampler_named("euler")
