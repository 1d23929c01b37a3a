"""Recorded outputs of the official code: an .npz of arrays, and a .json that says what they are.

An array is stored whole, or every ``stride``-th value in C order together with the whole
array's statistics, which then serve as a checksum.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foleyline_export.verify import Difference, measure

_SMALLEST = 1e-30


class GoldenError(Exception):
    """A recording is incomplete, or a result cannot be compared with it."""


@dataclass(frozen=True, slots=True)
class GoldenArray:
    """One recorded array; ``stored`` is flat when ``stride`` is above 1."""

    stored: NDArray[Any]
    shape: tuple[int, ...]
    stride: int
    std: float
    l2: float

    def difference(self, got: NDArray[Any]) -> Difference:
        """How far ``got`` is from the recording.

        With a stride, the whole array's norm and spread count too.

        Raises:
            GoldenError: it has another shape.
        """
        if got.shape != self.shape:
            raise GoldenError(f"the shape is {got.shape}, not {self.shape}")
        found = measure(self.stored.ravel(), got.ravel()[:: self.stride])
        if self.stride == 1:
            return found
        whole = got.astype(np.float64)
        off = (
            abs(float(np.linalg.norm(whole)) - self.l2) / max(self.l2, _SMALLEST),
            abs(float(whole.std()) - self.std) / max(self.std, _SMALLEST),
        )
        return Difference(found.max_abs, max(found.relative_l2, *off), found.cosine)

    def channel_difference(self, got: NDArray[Any], channel: int) -> Difference:
        """The same for one channel (batch, channel, ...) only, without the statistics.

        Raises:
            GoldenError: ``got`` has another shape than a channel.
        """
        places = np.arange(int(np.prod(self.shape))).reshape(self.shape)[:, channel]
        if got.shape != places.shape:
            raise GoldenError(f"the shape is {got.shape}, not {places.shape}")
        kept = places % self.stride == 0
        return measure(self.stored.ravel()[places[kept] // self.stride], got[kept])

    @property
    def value(self) -> NDArray[Any]:
        """The whole array.

        Raises:
            GoldenError: only a part of it was stored.
        """
        if self.stride != 1:
            raise GoldenError("only a part of the array was stored")
        return self.stored


@dataclass(frozen=True, slots=True)
class Golden:
    """One recording. ``note`` tells people and notes.py how its inputs are made."""

    name: str
    note: str
    arrays: Mapping[str, GoldenArray]


def read_golden(folder: Path, name: str) -> Golden:
    """The recording ``name`` in ``folder``.

    Raises:
        GoldenError: it is incomplete or contradicts itself.
        OSError: it is not there.
    """
    description: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    arrays: dict[str, GoldenArray] = {}
    with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
        for key, facts in description["arrays"].items():
            if key not in stored.files:
                raise GoldenError(f"{name} lacks {key}")
            shape, stride, values = tuple(facts["shape"]), int(facts["stride"]), stored[key]
            expected = shape if stride == 1 else (-(-int(np.prod(shape)) // stride),)
            if values.shape != expected:
                raise GoldenError(f"{name}: {key} is {values.shape}, not {expected}")
            arrays[key] = GoldenArray(values, shape, stride, facts["std"], facts["l2"])
    return Golden(name, description["note"], arrays)
