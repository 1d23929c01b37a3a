"""What a recording's note says of its inputs. Notes are read by pattern, never evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foleyline_export.reference.goldens import GoldenError
from foleyline_export.reference.rule import normal

_DRAW = r"normal\('(?P<name>input:\w+)',\s*\((?P<shape>[\d,\s]+)\)\)"
_FORMS = {
    "grey": rf"\(0\.5\+0\.2\*{_DRAW}\)\.clip\(0,1\)",
    "unit": rf"l2norm(?:alize)?\({_DRAW}(?:,axis=-1)?\)",
    "plain": _DRAW,
}


@dataclass(frozen=True, slots=True)
class Draw:
    """An input: its name in the rule, its shape, and what is done with the normal numbers."""

    name: str
    shape: tuple[int, ...]
    form: str = "plain"

    def values(self) -> NDArray[np.float32]:
        """The numbers; ``grey`` ones lie in [0, 1], rows of ``unit`` have length 1."""
        draw = normal(self.name, self.shape)
        if self.form == "grey":
            return (np.float32(0.5) + np.float32(0.2) * draw).clip(0, 1)
        if self.form == "unit":
            return draw / np.linalg.norm(draw, axis=-1, keepdims=True)
        return draw


def draws(note: str) -> Mapping[str, Draw]:
    """Every ``variable=...normal('input:...', (shape))...`` of a note, by its variable."""
    return {
        match["variable"]: Draw(match["name"], shape(match["shape"]), form)
        for form, pattern in _FORMS.items()
        for match in re.finditer(rf"(?P<variable>\w+)\s*=\s*{pattern}", note)
    }


def told(note: str, pattern: str) -> re.Match[str]:
    """Where the note says what ``pattern`` looks for.

    Raises:
        GoldenError: it does not.
    """
    match = re.search(pattern, note)
    if match is None:
        raise GoldenError(f"the note does not say {pattern}")
    return match


def numbers(text: str) -> tuple[float, ...]:
    """Numbers between commas."""
    return tuple(float(part) for part in text.split(",") if part.strip())


def shape(text: str) -> tuple[int, ...]:
    """Whole numbers between commas."""
    return tuple(int(part) for part in text.split(",") if part.strip())
