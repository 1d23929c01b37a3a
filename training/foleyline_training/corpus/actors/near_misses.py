"""What looks as if it would touch, and does not: the same actors, stopped short.

Also the reverse: touches outside the picture, which sound and are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..canvas import Canvas
from ..materials import Material
from ..motion import Impact, Sustain
from ..paint import Paint
from .closing import make_closing
from .drumming import make_drumming
from .hitting import make_hitting
from .keying import Keying, make_keying
from .place import Actor, Place, between
from .rhythm import bursts
from .stepping import make_stepping
from .swinging import make_swinging


@dataclass(frozen=True, slots=True)
class OffScreen:
    """Touches beyond the picture's edge: nothing is drawn."""

    impacts: tuple[Impact, ...]
    sustains: tuple[Sustain, ...] = ()

    def draw(self, canvas: Canvas, time_s: float) -> None:
        """Draw nothing."""
        del canvas, time_s


def make_off_screen(rng: np.random.Generator, place: Place) -> OffScreen:
    """Invent a few touches that happen outside the picture."""
    x = -0.1 if rng.random() < 0.5 else 1.9
    strikes = bursts(rng, place, most=3)[: int(rng.integers(1, 6))]
    return OffScreen(tuple(Impact(time_s, strength, x, False) for time_s, strength in strikes))


def make_near_miss(
    rng: np.random.Generator, place: Place, material: Material, action: str, paint: Paint
) -> Actor | None:
    """Return the actor of `action` with its motion kept from touching; None if it has none."""
    if action == "hit":
        hitting = make_hitting(rng, place, material, paint)
        return replace(hitting, lift=hitting.lift.raised(between(rng, 0.25, 0.5)), impacts=())
    if action == "swing":
        swinging = make_swinging(rng, place, material, paint)
        return replace(swinging, swing=swinging.swing.raised(between(rng, 0.2, 0.4)), impacts=())
    if action == "drum":
        drumming = make_drumming(rng, place, paint)
        by = between(rng, 0.25, 0.45)
        lifts = (drumming.lifts[0].raised(by), drumming.lifts[1].raised(by))
        return replace(drumming, lifts=lifts, impacts=())
    if action == "step":
        stepping = make_stepping(rng, place, paint)
        by = between(rng, 0.06, 0.12)
        heights = (stepping.height[0].raised(by), stepping.height[1].raised(by))
        return replace(stepping, height=heights, impacts=())
    if action == "type":
        return _hovering_hand(rng, place, paint)
    if action == "close":
        closing = make_closing(rng, place, paint)
        return replace(closing, gap=closing.gap.raised(between(rng, 0.12, 0.2)), impacts=())
    return None


NEAR_MISSES = ("hit", "swing", "drum", "step", "type", "close")
"""Actions of which there is a near miss."""


def _hovering_hand(rng: np.random.Generator, place: Place, paint: Paint) -> Actor | None:
    made = make_keying(rng, place, paint)
    if not isinstance(made, Keying):
        return None
    by = between(rng, 0.07, 0.12)
    return replace(made, heights=tuple(h.raised(by) for h in made.heights), impacts=())
