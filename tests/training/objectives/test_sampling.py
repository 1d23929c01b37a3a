from dataclasses import replace

import pytest
import torch

from foleyline_contract.specs import ScheduleSpec
from foleyline_training.objectives.diffusion import Schedule
from foleyline_training.objectives.sampling import sampled

SPEC = ScheduleSpec("scaled-linear", 1000, 0.00085, 0.012, "x0")


@pytest.mark.parametrize("prediction", ["x0", "epsilon", "v"])
def test_a_network_that_knows_the_answer_leads_to_it(prediction):
    schedule = Schedule(replace(SPEC, prediction=prediction))
    wanted, noise = torch.randn(2, 3, 8), torch.randn(2, 3, 8)
    asked = []

    def predict(latent, timestep):
        asked.append(int(timestep[0]))
        _, left = Schedule(SPEC).parted(latent, wanted, timestep.long())
        return schedule.target(wanted, left, timestep.long())

    torch.testing.assert_close(sampled(schedule, predict, noise, 5), wanted, atol=1e-3, rtol=0)
    assert asked == [999, 749, 500, 250, 0]


@pytest.mark.parametrize("prediction", ["x0", "epsilon", "v"])
def test_prediction_parts_what_noise_was_added_to(prediction):
    schedule = Schedule(replace(SPEC, prediction=prediction))
    clean, noise, time = torch.randn(3, 2, 4), torch.randn(3, 2, 4), torch.tensor([20, 500, 999])
    noisy = schedule.add_noise(clean, noise, time)
    parts = schedule.parted(noisy, schedule.target(clean, noise, time), time)
    for got, wanted in zip(parts, (clean, noise), strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-3, rtol=1e-3)
