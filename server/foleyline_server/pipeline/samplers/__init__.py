"""Samplers by the name that bundles and requests use."""

from foleyline_contract.errors import SettingInvalid
from foleyline_server.pipeline.samplers.base import Sampler
from foleyline_server.pipeline.samplers.ddim import ddim
from foleyline_server.pipeline.samplers.dpm_solver import dpm_solver_pp
from foleyline_server.pipeline.samplers.plms import plms

SAMPLERS: dict[str, Sampler] = {"dpm-solver++2m": dpm_solver_pp, "ddim": ddim, "plms": plms}


def sampler_named(name: str) -> Sampler:
    """The sampler of that name.

    Raises:
        SettingInvalid: there is none; its text lists those there are.
    """
    try:
        return SAMPLERS[name]
    except KeyError:
        known = ", ".join(SAMPLERS)
        raise SettingInvalid(f"There is no sampler {name!r}; choose one of {known}.") from None
