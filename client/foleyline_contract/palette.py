"""The sound palette: the categories of sound that a request may ask a model for.

What a model can be asked for is in its bundle (docs/bundle.md); nobody asking is *auto*.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from foleyline_contract.errors import SettingInvalid

PALETTE_MAX = 256
PALETTE_NAME_MAX_CHARS = 40
PALETTE_AUTO = "auto"
"""What people call asking for none; so none is called that. On the wire it is null."""
_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*", re.ASCII)
_PLURALS = {"footstep": "footsteps"}
"""Things of which one is never heard alone."""


def check_palette(names: Sequence[str]) -> None:
    """Check the names that a bundle gives its sounds.

    Raises:
        ValueError: a name is none, or there twice, or they are too many.
    """
    if len(names) > PALETTE_MAX:
        raise ValueError(f"palette has more than {PALETTE_MAX} names")
    if len(set(names)) < len(names):
        raise ValueError("palette names a sound twice")
    for name in names:
        plain = len(name) <= PALETTE_NAME_MAX_CHARS and _NAME.fullmatch(name)
        if not plain or name == PALETTE_AUTO:
            raise ValueError(f"palette: {name[:PALETTE_NAME_MAX_CHARS]!r} cannot be a name")


def require_sound(wanted: str | None, names: Sequence[str], bundle: str) -> None:
    """Check that a bundle has the sound that is asked for; None asks for none.

    Raises:
        SettingInvalid: it has not, and here is what it has.
    """
    if wanted is None or wanted in names:
        return
    if not names:
        raise SettingInvalid(
            f"The bundle {bundle!r} has no sound palette, so it cannot be asked for {wanted!r}.",
            remedy="Leave the sound on auto, or choose another bundle.",
        )
    raise SettingInvalid(
        f"The bundle {bundle!r} cannot be asked for {wanted!r}, only for {', '.join(names)}.",
        remedy="Choose one of these, or leave the sound on auto.",
    )


def sound_label(name: str) -> str:
    """A sound's name as people read it: ``footstep_loose`` is ``Footsteps, loose``."""
    thing, *kinds = name.split("_")
    thing = _PLURALS.get(thing, thing)
    return ", ".join([thing[:1].upper() + thing[1:], *([" ".join(kinds)] if kinds else [])])


def palette_text(names: Sequence[str]) -> str:
    """A bundle's palette in a few words."""
    return f"can be asked for {', '.join(names)}" if names else "has no sound palette"
