"""What the released files store of the noise schedule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.specs import ScheduleSpec

BUFFERS = (
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
)


def schedule_buffers(schedule: ScheduleSpec) -> dict[str, NDArray[np.float32]]:
    """Every buffer by its official name, each (steps,), computed in float64.

    Raises:
        ValueError: the schedule is not scaled-linear.

    Source: diff_foley/models/diffusion/ddpm.py, register_schedule.
    """
    if schedule.kind != "scaled-linear":
        raise ValueError(f"schedule.kind is {schedule.kind!r}, not 'scaled-linear'")
    first, last = np.sqrt(schedule.beta_start), np.sqrt(schedule.beta_end)
    betas = np.linspace(first, last, schedule.steps, dtype=np.float64) ** 2
    kept = np.cumprod(1 - betas)
    before = np.append(1.0, kept[:-1])
    variance = betas * (1 - before) / (1 - kept)
    values = (
        betas,
        kept,
        before,
        np.sqrt(kept),
        np.sqrt(1 - kept),
        np.log(1 - kept),
        np.sqrt(1 / kept),
        np.sqrt(1 / kept - 1),
        variance,
        # The first variance is zero.
        np.log(np.maximum(variance, 1e-20)),
        betas * np.sqrt(before) / (1 - kept),
        (1 - before) * np.sqrt(1 - betas) / (1 - kept),
    )
    return {name: v.astype(np.float32) for name, v in zip(BUFFERS, values, strict=True)}
