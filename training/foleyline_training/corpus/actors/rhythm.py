"""When things are struck: bars of even beats, rolls, bursts, and silences between them."""

from __future__ import annotations

import numpy as np

from .place import Place, between

Strikes = list[tuple[float, float]]

_FASTEST_S = 0.13  # a little over the smallest gap of two contacts that both sound


def bursts(rng: np.random.Generator, place: Place, *, most: int = 6) -> Strikes:
    """Return (time_s, strength) of bursts of 1 to `most` strikes, 3 to 7 a second."""
    found: Strikes = []
    time_s = max(0.25, place.wait_s(rng, 0.2, 1.2))
    while time_s < place.duration_s:
        gap_s = between(rng, _FASTEST_S, 0.33)
        uneven = 0.0 if rng.random() < 0.5 else between(rng, 0.1, 0.6)
        force = between(rng, 0.35, 0.95)
        for _ in range(int(rng.integers(1, most + 1))):
            found.append((time_s, _strength(rng, force)))
            time_s += max(_FASTEST_S, gap_s * (1 + uneven * between(rng, -0.5, 1.5)))
        time_s += silence_s(rng, place, 0.5, 1.8)
    return [strike for strike in found if strike[0] < place.duration_s]


def bars(rng: np.random.Generator, place: Place) -> Strikes:
    """Return (time_s, strength) of even beats with accents, and a roll now and then."""
    found: Strikes = []
    time_s = max(0.25, place.wait_s(rng, 0.2, 1.0))
    beat_s = min(0.8, max(0.2, between(rng, 0.24, 0.6) / place.pace**0.5))
    while time_s < place.duration_s:
        roll = rng.random() < 0.25
        gap_s = between(rng, _FASTEST_S, 0.17) if roll else beat_s
        force = between(rng, 0.45, 0.9)
        length = int(rng.integers(4, 9)) if roll else int(rng.integers(3, 9))
        for k in range(length):
            accent = 1.25 if k % 4 == 0 else 0.85
            found.append((time_s, _strength(rng, force * accent)))
            skips = not roll and rng.random() < 0.12
            time_s += gap_s * (2.0 if skips else 1.0)
        time_s += silence_s(rng, place, 0.5, 1.6)
    return [strike for strike in found if strike[0] < place.duration_s]


def silence_s(rng: np.random.Generator, place: Place, shortest_s: float, longest_s: float) -> float:
    """Draw a rest between two lengths (over the pace); one in eight is 3 to 4.5 s long."""
    if rng.random() < 0.12:
        return between(rng, 3.0, 4.5)
    return place.wait_s(rng, shortest_s, longest_s)


def _strength(rng: np.random.Generator, force: float) -> float:
    return min(1.0, max(0.1, force * between(rng, 0.85, 1.15)))
