"""Which strips make up the picture of the one that the artist selected. No bpy here.

Her strip is looked at alone: what hides it or lies behind it is left out, and what belongs on
top of it stays. ``docs/blender.md`` has the rule in the artist's words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LIES_ON_TOP = frozenset({"ADJUSTMENT", "TEXT"})
"""Kinds that change the picture of everything below them."""
SHOWS_WHAT_IS_BELOW = frozenset({"ADJUSTMENT", "MULTICAM"})
"""Kinds without a picture of their own."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A strip among those of one timeline or of one meta strip; frames are timeline frames."""

    name: str
    kind: str
    """As Blender's ``Strip.type`` says."""
    channel: int
    first_frame: int
    end_frame: int
    muted: bool = False
    """By itself or by its channel."""
    inputs: tuple[str, ...] = ()
    """Names of the strips that an effect mixes."""
    changes_little: bool = False
    """Whether it lies on top and changes nothing but colours."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is seen of a strip."""

    shown: tuple[str, ...]
    """Names of the strips to draw, its own first; inputs of effects are not among them."""
    changed_by: str | None
    """A strip on top that shows something else than the strip itself does."""


def picture_of(name: str, layers: Iterable[Layer]) -> Picture:
    """The strips that are drawn for one of them.

    Args:
        layers: all strips of the same timeline or meta strip.
    """
    by_name = {layer.name: layer for layer in layers}
    own = by_name[name]
    near = [layer for layer in by_name.values() if layer is not own and _seen_with(layer, own)]
    mixed = _effects_over({name}, near)
    on_top = {
        layer.name for layer in near if layer.kind in LIES_ON_TOP and layer.channel > own.channel
    }
    on_top |= _effects_made_of(on_top | mixed | {name}, near) - mixed
    below: set[str] = set()
    if own.kind in SHOWS_WHAT_IS_BELOW:
        below = {layer.name for layer in near if layer.channel < own.channel} - on_top
    changing = sorted(n for n in mixed | on_top if not by_name[n].changes_little)
    return Picture((name, *sorted(mixed | on_top | below)), changing[0] if changing else None)


def _seen_with(layer: Layer, own: Layer) -> bool:
    overlaps = layer.first_frame < own.end_frame and layer.end_frame > own.first_frame
    return overlaps and not layer.muted and layer.kind != "SOUND"


def _effects_over(names: set[str], layers: list[Layer]) -> set[str]:
    """Effects that use one of the strips, and effects that use those."""
    found: set[str] = set()
    while True:
        more = {e.name for e in layers if (names | found).intersection(e.inputs)} - found
        if not more:
            return found
        found |= more


def _effects_made_of(names: set[str], layers: list[Layer]) -> set[str]:
    """Effects that use nothing but the strips, and effects that use nothing but those too."""
    found: set[str] = set()
    while True:
        known = names | found
        more = {e.name for e in layers if e.inputs and known.issuperset(e.inputs)} - found
        if not more:
            return found
        found |= more
