"""How a scene looks: the style it is drawn in, its light, its colours and its defects.

A look has nothing to do with what happens in the scene, so a network that has seen many of them
has to learn the contacts. Not here: drawing; inventing looks
(`styles`).
"""

from __future__ import annotations

from dataclasses import dataclass

from .brush import PLAIN, Brush, Colour
from .grade import TRUE_COLOURS, Grade
from .sensor import FLAWLESS, Defects


@dataclass(frozen=True, slots=True)
class Shadow:
    """Cast shadows: a thing at (x, y) darkens the place where its shadow falls by `depth` 0..1.

    On the wall that is (x + `across`, y + `down`) stage units; with `lying` the shadow lies on the
    floor, `across` times as far to the side as the thing is high, and `down` times as long.
    """

    lying: bool
    across: float
    down: float
    depth: float


@dataclass(frozen=True, slots=True)
class Look:
    """All that a scene's pictures depend on apart from the scene.

    `style` is a name of `TRAINING_STYLES` or `UNSEEN_STYLES` of `styles`. The backdrop is
    `ground_amount` of the way to the colour `ground`. `flash` 0..1 is how far struck things light
    up and shake. `shutter` is the share of a source frame's time, 0..0.5, during which the
    picture is exposed.
    """

    style: str = "flat"
    brush: Brush = PLAIN
    grade: Grade = TRUE_COLOURS
    ground: Colour = (0, 0, 0)
    ground_amount: float = 0.0
    flash: float = 0.0
    shadow: Shadow | None = None
    shutter: float = 0.0
    defects: Defects = FLAWLESS


PLAIN_LOOK = Look()
"""Flat and clean."""
