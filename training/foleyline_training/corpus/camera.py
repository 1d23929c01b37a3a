"""Where the picture's edges lie on the stage, and how that changes with time.

A camera may stand still, sway in a hand, pan, zoom, roll and be knocked. None of that has to do
with the contacts. Not here: drawing (`canvas`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, pi, sin

import numpy as np
from numpy.typing import NDArray

STAGE_WIDTH = 16 / 9
"""Width of the stage, in units of its height."""

_USUAL_Y = 0.7
_KINDS = ("still", "handheld", "pan", "zoom", "knocked", "roll")
_KIND_SHARES = (0.46, 0.2, 0.12, 0.08, 0.07, 0.07)


@dataclass(frozen=True, slots=True)
class Sway:
    """A slow or fast sine on one `axis`: "x", "y" (stage units), "roll" (radians) or "zoom"."""

    axis: str
    amount: float
    hz: float
    phase: float


@dataclass(frozen=True, slots=True)
class Knock:
    """The tripod is knocked at `time_s`: it swings by `x`, `y` stage units at `hz` and settles."""

    time_s: float
    x: float
    y: float
    hz: float
    decay_s: float

    def swing(self, time_s: float) -> float:
        """Return how far out it is at `time_s`, -1..1."""
        since_s = time_s - self.time_s
        if since_s < 0 or since_s > 6 * self.decay_s:
            return 0.0
        return exp(-since_s / self.decay_s) * sin(2 * pi * self.hz * since_s)


@dataclass(frozen=True, slots=True)
class Camera:
    """A view: `zoom` and `roll` (radians) about the stage's centre, a shift, perhaps mirrored.

    `sways` and `knocks` move it over time.
    """

    zoom: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    mirrored: bool = False
    roll: float = 0.0
    sways: tuple[Sway, ...] = ()
    knocks: tuple[Knock, ...] = ()

    @property
    def still(self) -> bool:
        """Whether the view never changes."""
        return not self.sways and not self.knocks

    @property
    def widest(self) -> float:
        """The smallest zoom it ever has."""
        return self.zoom * (1 - sum(abs(s.amount) for s in self.sways if s.axis == "zoom"))

    def view(self, time_s: float = 0.0) -> NDArray[np.float64]:
        """Return the matrix (2, 3) from stage (x, y, 1) to the picture, 0..1 both ways."""
        moved = {"x": self.shift_x, "y": self.shift_y, "roll": self.roll, "zoom": 0.0}
        for sway in self.sways:
            moved[sway.axis] += sway.amount * sin(2 * pi * sway.hz * time_s + sway.phase)
        for knock in self.knocks:
            swing = knock.swing(time_s)
            moved["x"] += knock.x * swing
            moved["y"] += knock.y * swing
        zoom = self.zoom * (1 + moved["zoom"])
        c, s = cos(moved["roll"]) * zoom, sin(moved["roll"]) * zoom
        turn = np.array([[c, -s], [s, c]])
        matrix = np.empty((2, 3))
        matrix[:, :2] = turn
        matrix[:, 2] = (moved["x"], moved["y"]) - turn @ (STAGE_WIDTH / 2, 0.5)
        matrix[0] /= STAGE_WIDTH
        matrix[:, 2] += 0.5
        if self.mirrored:
            matrix[0] *= -1
            matrix[0, 2] += 1
        return matrix

    def picture_x(self, x: float, time_s: float = 0.0, y: float = _USUAL_Y) -> float:
        """Return where stage position (`x`, `y`) lies across the picture, 0 left, 1 right."""
        return float(self.view(time_s)[0] @ (x, y, 1.0))


def make_camera(rng: np.random.Generator, duration_s: float) -> Camera:
    """Draw a camera: about half stand still; some are far away, some close."""
    distance = rng.random()
    if distance < 0.12:
        zoom = float(rng.uniform(0.62, 0.8))
    elif distance < 0.24:
        zoom = float(rng.uniform(1.08, 1.25))
    else:
        zoom = float(rng.uniform(0.85, 1.06))
    room = max(0.0, 1 - zoom)
    shift_x = float(rng.uniform(-1, 1)) * (0.03 + 0.35 * room)
    shift_y = float(rng.uniform(-0.02, 0.02)) + float(rng.uniform(-0.15, 0.35)) * room
    mirrored = bool(rng.random() < 0.5)
    kind = _KINDS[int(rng.choice(len(_KINDS), p=_KIND_SHARES))]
    leaning = kind == "roll" or (kind != "still" and rng.random() < 0.3)
    roll = float(rng.uniform(-0.1, 0.1)) if leaning else 0.0
    sways = {"handheld": _shake, "pan": _pan, "zoom": _zoom, "roll": _rolling}.get(kind)
    return Camera(
        zoom,
        shift_x,
        shift_y,
        mirrored,
        roll,
        sways(rng) if sways else (),
        _knocks(rng, duration_s) if kind == "knocked" else (),
    )


def _sway(rng: np.random.Generator, axis: str, amount: float, hz: tuple[float, float]) -> Sway:
    return Sway(
        axis,
        amount * float(rng.uniform(0.5, 1.0)),
        float(rng.uniform(*hz)),
        float(rng.uniform(0, 2 * pi)),
    )


def _shake(rng: np.random.Generator) -> tuple[Sway, ...]:
    """A hand: slow drift and a small tremor on each axis."""
    nerves = float(rng.uniform(0.3, 1.0))
    return tuple(
        _sway(rng, axis, nerves * amount, hz)
        for axis, slow, fast in (("x", 0.03, 0.008), ("y", 0.025, 0.008), ("roll", 0.025, 0.006))
        for amount, hz in ((slow, (0.15, 0.6)), (slow / 2, (0.7, 1.8)), (fast, (2.5, 6.0)))
    )


def _pan(rng: np.random.Generator) -> tuple[Sway, ...]:
    across = _sway(rng, "x", float(rng.uniform(0.1, 0.35)), (0.03, 0.09))
    return (across, _sway(rng, "y", 0.03, (0.03, 0.09)))


def _zoom(rng: np.random.Generator) -> tuple[Sway, ...]:
    return (_sway(rng, "zoom", 0.22, (0.03, 0.1)),)


def _rolling(rng: np.random.Generator) -> tuple[Sway, ...]:
    return (_sway(rng, "roll", 0.08, (0.04, 0.3)),)


def _knocks(rng: np.random.Generator, duration_s: float) -> tuple[Knock, ...]:
    return tuple(
        Knock(
            float(rng.uniform(0, duration_s)),
            float(rng.uniform(-0.035, 0.035)),
            float(rng.uniform(-0.045, 0.045)),
            float(rng.uniform(4.0, 11.0)),
            float(rng.uniform(0.05, 0.2)),
        )
        for _ in range(int(rng.integers(1, 6)))
    )
