"""Quality presets: how many sampler steps an artist's word stands for."""

from __future__ import annotations

from fractions import Fraction

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.requests import STEPS_MAX

QUALITIES: dict[str, Fraction] = {
    "draft": Fraction(2, 5),
    "standard": Fraction(1),
    "best": Fraction(2),
}
"""Steps as a share of the bundle's own number, which is the standard."""


def steps_for(quality: str, default_steps: int) -> int:
    """Sampler steps of a preset for a bundle with ``default_steps``.

    Raises:
        SettingInvalid: there is no such preset.
    """
    if quality not in QUALITIES:
        raise SettingInvalid(
            f"There is no quality {quality!r}.", remedy=f"Choose one of {', '.join(QUALITIES)}."
        )
    return max(1, min(STEPS_MAX, round(QUALITIES[quality] * default_steps)))
