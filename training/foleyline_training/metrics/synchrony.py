"""How far sound is from picture: errors of single onsets, and F1 with its uncertainty.

Errors are heard minus seen: negative where sound comes early. EBU recommendation R37 allows it
to be at most 40 ms early and 60 ms late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from foleyline_training.metrics.onset import Matches, match

Times = NDArray[np.float64]
EARLY_MAX_S, LATE_MAX_S = 0.04, 0.06
"""EBU R37-2007: "The relative timing of the sound and vision components of a television signal"."""
TOLERANCES_S = (0.05, 0.1)
PAIRING_S = 0.1
"""Errors are of onsets paired within this; wider than R37, so that R37 can be missed."""
BOOTSTRAPS = 1000
SHIFTS = (1, 2, 3)
"""Chance is the same sound against the contacts of the clips that come so much later."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One clip: onsets heard in its sound, and contacts seen, both in seconds, ascending."""

    onsets_s: Times
    contacts_s: Times


def errors_s(heard: Heard, within_s: float = PAIRING_S) -> Times:
    """Heard minus seen (pairs,), for as many one-to-one pairs within ``within_s`` as there are.

    Of all such pairings it is the one with the least sum of absolute errors.
    """
    if not len(heard.onsets_s) or not len(heard.contacts_s):
        return np.zeros(0)
    difference = heard.onsets_s[:, None] - heard.contacts_s[None, :]
    near = np.abs(difference) <= within_s
    # A pair more is worth any sum of errors that pairs can have.
    worth = (min(difference.shape) + 1) * within_s
    rows, columns = linear_sum_assignment(np.where(near, np.abs(difference) - worth, 0.0))
    paired = near[rows, columns]
    return difference[rows[paired], columns[paired]]


@dataclass(frozen=True, slots=True)
class Synchrony:
    """What many clips' onsets say.

    Attributes:
        f1, f1_error, chance: by tolerance in seconds; ``f1_error`` is a standard error.
        heard, seen: onsets and contacts.
        paired: onsets within ``PAIRING_S`` of a contact; the next three are theirs.
        median_s: median absolute error.
        offset_s: median error; negative is early.
        within_r37: share.
    """

    f1: dict[float, float]
    f1_error: dict[float, float]
    chance: dict[float, float]
    precision: float
    recall: float
    heard: int
    seen: int
    paired: int
    median_s: float
    offset_s: float
    within_r37: float

    def as_json(self) -> dict[str, float]:
        """Figures by name; times in milliseconds."""
        found: dict[str, float] = {}
        for tolerance in self.f1:
            name = f"{round(1000 * tolerance)}ms"
            found[f"f1_{name}"] = round(self.f1[tolerance], 4)
            found[f"f1_{name}_error"] = round(self.f1_error[tolerance], 4)
            found[f"chance_{name}"] = round(self.chance[tolerance], 4)
        return found | {
            "precision_50ms": round(self.precision, 4),
            "recall_50ms": round(self.recall, 4),
            "onsets_heard": self.heard,
            "contacts": self.seen,
            "paired": self.paired,
            "median_error_ms": round(1000 * self.median_s, 1),
            "offset_ms": round(1000 * self.offset_s, 1),
            "within_r37": round(self.within_r37, 4),
        }


def synchrony(clips: Sequence[Heard]) -> Synchrony:
    """Measure clips; those of one evaluation, in its order."""
    f1: dict[float, float] = {}
    error: dict[float, float] = {}
    chance: dict[float, float] = {}
    for tolerance in TOLERANCES_S:
        counts = [match(clip.onsets_s, clip.contacts_s, tolerance) for clip in clips]
        f1[tolerance] = sum(counts, Matches()).f1
        error[tolerance] = f1_standard_error(counts)
        others = (
            match(clip.onsets_s, clips[(k + shift) % len(clips)].contacts_s, tolerance)
            for k, clip in enumerate(clips)
            for shift in SHIFTS
        )
        chance[tolerance] = sum(others, Matches()).f1
    strict = sum((match(c.onsets_s, c.contacts_s, TOLERANCES_S[0]) for c in clips), Matches())
    errors = np.concatenate([errors_s(clip) for clip in clips]) if clips else np.zeros(0)
    some = len(errors) > 0
    return Synchrony(
        f1,
        error,
        chance,
        strict.hits / strict.detected if strict.detected else 0.0,
        strict.hits / strict.true if strict.true else 0.0,
        strict.detected,
        strict.true,
        len(errors),
        float(np.median(np.abs(errors))) if some else nan,
        float(np.median(errors)) if some else nan,
        float(within_r37(errors).mean()) if some else nan,
    )


def within_r37(errors: Times) -> NDArray[np.bool_]:
    """Which errors (in seconds) an editor may leave, by EBU R37."""
    slack = 1e-9  # the limits are allowed, and 1.04 - 1.0 is above 0.04
    return (errors >= -EARLY_MAX_S - slack) & (errors <= LATE_MAX_S + slack)


def f1_standard_error(counts: Sequence[Matches], seed: int = 0) -> float:
    """Standard error of F1 over clips, by drawing clips again with replacement.

    Onsets of a clip are not independent, so clips are drawn and not onsets.

    Source: Efron 1979, "Bootstrap methods: another look at the jackknife".
    """
    table = np.array([(m.hits, m.detected + m.true) for m in counts], np.float64).reshape(-1, 2)
    if len(table) < 2:
        return nan
    drawn = np.random.default_rng(seed).integers(len(table), size=(BOOTSTRAPS, len(table)))
    hits, total = table[drawn].sum(1).T
    return float(np.std(2 * hits / np.maximum(total, 1), ddof=1))


def over_seeds(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard error of a figure measured with several seeds; NaN error for one."""
    if not values:
        raise ValueError("no values")
    error = float(np.std(values, ddof=1)) / sqrt(len(values)) if len(values) > 1 else nan
    return float(np.mean(values)), error
