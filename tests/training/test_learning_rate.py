from dataclasses import replace

import pytest

from foleyline_training.config import load_config
from foleyline_training.learning_rate import FINAL_LEARNING_RATE, learning_rate
from foleyline_training.stage_config import SCHEDULES, StageConfig

TIMED = StageConfig(seconds=1000.0, batch=8, learning_rate=5e-4, weight_decay=0.01, ema=0.9)
CAVP = replace(TIMED, schedule="cosine", learning_rate=8e-4, warm_up_steps=200, steps=1000)
DIFFUSION = replace(TIMED, schedule="constant", learning_rate=1e-4, warm_up_steps=1000)
OFFICIAL_CAVP = {
    0: 4e-06,
    1: 8e-06,
    99: 0.0004,
    199: 0.0008,
    200: 0.0008,
    201: 0.0007999969157525882,
    500: 0.000553073372946036,
    999: 3.0842474117775965e-09,
    1000: 0.0,
}
"""The golden `lr`: upstream's cosine_lr with a peak of 8e-4 over 1000 steps."""
OFFICIAL_DIFFUSION = {
    0: 1e-06,
    1: 0.0010009989999999998,
    500: 0.5000005,
    999: 0.999000001,
    1000: 1.0,
    1001: 1.0,
    50000: 1.0,
}
"""The golden `lr`: what upstream's LambdaLinearScheduler multiplies the peak with."""


@pytest.mark.parametrize("step", OFFICIAL_CAVP)
def test_cosine_is_the_released_cavps(step):
    official = pytest.approx(OFFICIAL_CAVP[step], rel=1e-9, abs=1e-18)
    assert learning_rate(CAVP, step, elapsed_s=77.0) == official


@pytest.mark.parametrize("step", OFFICIAL_DIFFUSION)
def test_constant_is_the_released_diffusions(step):
    official = pytest.approx(1e-4 * OFFICIAL_DIFFUSION[step], rel=1e-12)
    assert learning_rate(DIFFUSION, step, elapsed_s=77.0) == official


def test_timed_cosine_warms_up_and_follows_the_clock():
    peak = TIMED.learning_rate
    assert learning_rate(TIMED, 24, 0.0) == pytest.approx(peak / 4)
    assert learning_rate(TIMED, 99, 0.0) == learning_rate(TIMED, 9999, 0.0) == peak
    half = (1 + FINAL_LEARNING_RATE) / 2
    assert learning_rate(TIMED, 9999, 500.0) == pytest.approx(peak * half)
    for late_s in (1000.0, 2000.0):
        assert learning_rate(TIMED, 9999, late_s) == pytest.approx(peak * FINAL_LEARNING_RATE)


def test_mini_is_trained_by_the_clock():
    for stage in load_config("mini").stages.values():
        assert (stage.schedule, stage.warm_up_steps, stage.steps) == ("timed-cosine", 100, None)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_rises_to_its_peak(schedule):
    config = replace(TIMED, schedule=schedule, warm_up_steps=10, steps=100)
    rates = [learning_rate(config, step, elapsed_s=0.0) for step in range(11)]
    assert rates[:10] == sorted(rates[:10])
    assert max(rates) == pytest.approx(config.learning_rate)


def test_cosine_stays_at_zero():
    assert learning_rate(CAVP, 1500, 0.0) == 0
