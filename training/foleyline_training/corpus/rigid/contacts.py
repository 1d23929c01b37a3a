"""Contacts read off the motion that a rigid-body solver computed.

A solver keeps its impulses to itself, but they show: between two steps a body in flight
changes its velocity by gravity times the step, and whatever else it changes by was an
impulse. For each body the unexplained change (linear, and angular times the radius of
gyration) is summed over a window of three steps, since a solver may spread one impact over
two. Peaks of that sum above LEAST_JUMP are impacts; the time is the centre of mass of the
unexplained change in the window. A body that rests, rolls or slides only ever gets a little in
a window (three steps of gravity, 0.12 m/s at 250 steps a second), so that chatter stays below.
Needs numpy only, and runs inside Blender, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRAVITY = (0.0, 0.0, -9.81)
LEAST_JUMP = 1.0
"""Metres a second; a smaller jump is a hop of two centimetres, which nobody sees."""

FULL_JUMP = 5.0
"""Metres a second; what has strength 1."""

_EXPONENT = 0.7
_WINDOW = 1  # steps to either side
_SAME_BODY_S = 0.04


@dataclass(frozen=True, slots=True)
class Jump:
    """An impact of `body`: seconds from the start, and its change of velocity in m/s."""

    time_s: float
    size: float
    body: int

    @property
    def strength(self) -> float:
        """Strength 0..1 as the corpus has it."""
        return float(np.clip((self.size / FULL_JUMP) ** _EXPONENT, 0.02, 1.0))


def find_jumps(
    places: NDArray[np.float64],
    turns: NDArray[np.float64],
    step_s: float,
    *,
    gyration: float,
    body: int = 0,
    gravity: tuple[float, float, float] = GRAVITY,
    from_s: float = 0.0,
) -> list[Jump]:
    """Return the impacts of one body, sorted by time.

    Args:
        places: centre of mass (steps, 3), metres.
        turns: rotation as unit quaternions (steps, 4), w first; either sign.
        gyration: radius of gyration in metres; weighs a change of spin.
        gravity: what explains a change of velocity, m/s²; none for a body moved by keys.
        from_s: earlier impacts are ignored, as a hand that lets go is none.
    """
    linear = np.diff(places, axis=0, n=2) / step_s - np.asarray(gravity) * step_s
    angular = np.diff(_spins(turns, step_s), axis=0) * gyration
    window = np.ones(2 * _WINDOW + 1)
    summed = np.stack([np.convolve(part, window, "same") for part in (*linear.T, *angular.T)], 1)
    size = np.sqrt((summed**2).sum(1))
    weight = np.sqrt((linear**2).sum(1) + (angular**2).sum(1))
    # Row k compares the velocities before and after step k + 1.
    times = (np.arange(len(size)) + 1) * step_s
    apart = round(_SAME_BODY_S / step_s)
    found: list[Jump] = []
    taken = np.zeros(len(size), bool)
    for k in np.argsort(-size, kind="stable"):
        if size[k] < LEAST_JUMP:
            break
        if taken[k] or times[k] < from_s:
            continue
        taken[max(0, k - apart) : k + apart + 1] = True
        near = slice(max(0, k - _WINDOW), k + _WINDOW + 1)
        when = float((times[near] * weight[near]).sum() / weight[near].sum())
        found.append(Jump(when, float(size[k]), body))
    return sorted(found, key=lambda jump: jump.time_s)


def _spins(turns: NDArray[np.float64], step_s: float) -> NDArray[np.float64]:
    """Angular velocity (steps - 1, 3) in the world, radians a second."""
    before, after = turns[:-1], turns[1:]
    # after * conjugate(before), the turn of one step
    w = (after * before).sum(1)
    a, b = after[:, 1:], before[:, 1:]
    axis = -after[:, :1] * b + before[:, :1] * a - np.cross(a, b)
    axis *= np.where(w < 0, -1.0, 1.0)[:, None]
    return 2 * axis / step_s  # a step turns little: sin(x) is x


def strongest(jumps: list[Jump], gap_s: float) -> list[Jump]:
    """Of jumps closer than `gap_s` keep the strongest; sorted by time.

    Both bodies of a collision jump, and a heap that collapses does so in many places at once.
    """
    kept: list[Jump] = []
    for jump in sorted(jumps, key=lambda one: (-one.size, one.time_s, one.body)):
        if all(abs(jump.time_s - other.time_s) >= gap_s for other in kept):
            kept.append(jump)
    return sorted(kept, key=lambda one: one.time_s)
