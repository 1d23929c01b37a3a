from dataclasses import replace

import numpy as np
import pytest

from foleyline_training.models.diff_foley.schedule import BUFFERS, schedule_buffers
from foleyline_training.models.diff_foley.spec import MODEL


def test_official_noise_levels(golden):
    buffers = schedule_buffers(MODEL.schedule)
    np.testing.assert_array_equal(buffers["alphas_cumprod"], golden("schedule")["alphas_cumprod"])


def test_buffers_belong_together():
    buffers = schedule_buffers(MODEL.schedule)
    assert tuple(buffers) == BUFFERS
    assert all(values.shape == (1000,) and np.isfinite(values).all() for values in buffers.values())
    kept = buffers["alphas_cumprod"]
    np.testing.assert_array_equal(buffers["alphas_cumprod_prev"][1:], kept[:-1])
    np.testing.assert_allclose(buffers["sqrt_recip_alphas_cumprod"] ** -2, kept, 1e-6)
    # The posterior's mean of a latent that is the same everywhere is that latent.
    coefficients = (buffers["posterior_mean_coef1"], buffers["posterior_mean_coef2"])
    np.testing.assert_allclose(
        coefficients[0] + coefficients[1] * np.sqrt(kept),
        np.sqrt(buffers["alphas_cumprod_prev"]),
        1e-5,
    )


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="'linear'"):
        schedule_buffers(replace(MODEL.schedule, kind="linear"))
