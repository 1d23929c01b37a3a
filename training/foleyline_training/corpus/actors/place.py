"""Where an actor stands, and what all actors have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..brush import NEUTRAL_DARK
from ..canvas import Canvas
from ..motion import Impact, Sustain

__all__ = ["FLASH", "NEUTRAL_DARK", "Actor", "Place", "at_place", "between"]

FLASH = 0.2
"""How much lighter a thing gets at an impact of strength 1: slight, and only in some looks."""

_LONG_S = 0.7


@dataclass(frozen=True, slots=True)
class Place:
    """A region of the stage: from `left` to `right`, standing on `floor`; stage units.

    `pace` (about 0.3 to 2) shortens the waits between actions; motion lasts `duration_s`.
    """

    left: float
    right: float
    floor: float
    pace: float
    duration_s: float

    @property
    def middle(self) -> float:
        """Centre of the region, stage units."""
        return (self.left + self.right) / 2

    @property
    def width(self) -> float:
        """Width of the region, stage units."""
        return self.right - self.left

    def wait_s(self, rng: np.random.Generator, shortest_s: float, longest_s: float) -> float:
        """Draw a wait between two lengths, divided by the pace; never under 0.03 s.

        One in thirty of those that may be long is a silence of 3 to 4 seconds.
        """
        if longest_s >= _LONG_S and rng.random() < 1 / 30:
            return between(rng, 3.0, 4.0)
        return max(0.03, float(rng.uniform(shortest_s, longest_s)) / self.pace)


class Actor(Protocol):
    """Something that moves and is drawn; impacts and sustains are sorted by time."""

    @property
    def impacts(self) -> tuple[Impact, ...]:
        """Every touch that sounds."""
        ...

    @property
    def sustains(self) -> tuple[Sustain, ...]:
        """Every sound that goes on, such as that of a wheel."""
        ...

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the state at `time_s`."""
        ...


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a plain float between `low` and `high`."""
    return float(rng.uniform(low, high))


def at_place(found: list[tuple[float, float]], x: float) -> tuple[Impact, ...]:
    """Turn a track builder's (time_s, strength) pairs into impacts at stage position `x`."""
    return tuple(Impact(time_s, strength, x) for time_s, strength in found)


@dataclass(frozen=True, slots=True)
class Distant:
    """An actor seen from nearer or farther: drawn `scale` times as large about its place.

    The point (`x`, `floor`) of its own stage is seen at (`x`, `seen_floor`).
    """

    actor: Actor
    scale: float
    x: float
    floor: float
    seen_floor: float

    @property
    def impacts(self) -> tuple[Impact, ...]:
        """The actor's impacts, where they are seen; a small thing's are not weaker."""
        return tuple(
            replace(one, x=self._seen_x(one.x)) if one.seen else one for one in self.actor.impacts
        )

    @property
    def sustains(self) -> tuple[Sustain, ...]:
        """The actor's sustains, where they are seen."""
        return tuple(replace(one, x=self._seen_x(one.x)) for one in self.actor.sustains)

    def _seen_x(self, x: float) -> float:
        return self.x + self.scale * (x - self.x)

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw the actor in its size."""
        shift = (self.x * (1 - self.scale), self.seen_floor - self.scale * self.floor)
        self.actor.draw(canvas.scaled(self.scale, shift), time_s)
