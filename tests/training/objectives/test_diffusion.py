from dataclasses import replace

import numpy as np
import pytest
import torch

from foleyline_contract.specs import ScheduleSpec
from foleyline_training.objectives.diffusion import Schedule

SPEC = ScheduleSpec("scaled-linear", 1000, 0.00085, 0.012, "x0")


@pytest.fixture(scope="module")
def schedule():
    return Schedule(SPEC)


def test_official_noise_levels(schedule, golden):
    np.testing.assert_allclose(schedule.alphas_cumprod, golden("schedule")["alphas_cumprod"], 1e-6)


@pytest.mark.parametrize("prediction", ["x0", "epsilon", "v"])
def test_target_and_noisy_latent_give_the_clean_one_back(prediction):
    schedule = Schedule(replace(SPEC, prediction=prediction))
    clean, noise = torch.randn(4, 3, 5).double(), torch.randn(4, 3, 5).double()
    time = torch.tensor([0, 10, 500, 999])
    noisy = schedule.add_noise(clean, noise, time)
    target = schedule.target(clean, noise, time)
    level = schedule.alphas_cumprod[time].double()[:, None, None]
    signal, spread = level.sqrt(), (1 - level).sqrt()
    recovered = {
        "x0": target,
        "epsilon": (noisy - spread * target) / signal,
        "v": signal * noisy - spread * target,
    }[prediction]
    torch.testing.assert_close(recovered, clean, atol=1e-4, rtol=1e-4)


def test_noise_keeps_unit_variance(schedule):
    clean, noise = torch.randn(2, 1000, 40)
    for time in (0, 400, 999):
        noisy = schedule.add_noise(clean, noise, torch.full((1000,), time))
        assert noisy.std().item() == pytest.approx(1, abs=0.02)


def test_latent_fades_from_clear_to_hidden(schedule):
    clean, noise = torch.ones(2, 1, 1), torch.zeros(2, 1, 1)
    first, last = schedule.add_noise(clean, noise, torch.tensor([0, 999])).flatten()
    assert first > 0.999
    assert last < 0.07


@pytest.mark.parametrize("batch", [1, 7, 32])
def test_timesteps_are_spread_over_the_batch(schedule, batch):
    for seed in range(20):
        steps = schedule.draw_timesteps(np.random.default_rng(seed), batch)
        edges = torch.arange(batch) * 1000 / batch
        assert (steps >= edges.long()).all()
        assert (steps <= edges + 1000 / batch).all()
        assert steps.max() <= 999


def test_timesteps_reach_every_step():
    schedule = Schedule(replace(SPEC, steps=10))
    rng = np.random.default_rng(0)
    seen = torch.cat([schedule.draw_timesteps(rng, 3) for _ in range(200)])
    assert seen.unique().tolist() == list(range(10))


def test_unknown_kinds_are_named():
    with pytest.raises(ValueError, match="cosine"):
        Schedule(replace(SPEC, kind="cosine"))
    with pytest.raises(ValueError, match="score"):
        Schedule(replace(SPEC, prediction="score")).target(
            torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(1, dtype=torch.long)
        )
