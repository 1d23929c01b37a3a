import numpy as np
import pytest

from foleyline_contract.errors import BundleIncomplete
from foleyline_contract.specs import ScheduleSpec
from foleyline_server.pipeline.schedule import Schedule

SPEC = ScheduleSpec("scaled-linear", 1000, 0.00085, 0.012, "epsilon")


def test_times_and_indices_meet() -> None:
    schedule = Schedule(SPEC)
    for index in (0, 1, 499, 999):
        by_index, by_time = schedule.at_index(index), schedule.at_time((index + 1) / 1000)
        assert by_time.timestep == pytest.approx(index, abs=1e-9)
        assert by_time.alpha == pytest.approx(by_index.alpha, rel=1e-12)
        assert by_index.alpha**2 + by_index.sigma**2 == pytest.approx(1)


def test_noise_rises_with_time() -> None:
    schedule = Schedule(SPEC)
    lams = [schedule.at_time(time).lam for time in np.linspace(0.001, 1, 777)]
    assert (np.diff(lams) < 0).all()
    # The released system's ends (its float32 tables): see docs/models.
    assert schedule.at_time(1.0).alpha == pytest.approx(0.0682649, rel=1e-5)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BundleIncomplete, match="cosine"):
        Schedule(ScheduleSpec("cosine", 1000, 0.1, 0.2, "epsilon"))
