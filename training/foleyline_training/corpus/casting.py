"""Who is in a scene: which materials do what, where they stand, and how far away.

Not here: how an action looks (`actors`), the view and the backdrop (`scene`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .actors.breaking import make_breaking
from .actors.bystanders import make_drifting, make_standing
from .actors.closing import make_closing
from .actors.cradle import make_cradle
from .actors.drumming import make_drumming
from .actors.falling import make_falling
from .actors.hitting import make_hitting
from .actors.keying import make_keying
from .actors.near_misses import NEAR_MISSES, make_near_miss, make_off_screen
from .actors.place import Actor, Distant, Place, between
from .actors.pouring import make_pouring
from .actors.revving import make_revving
from .actors.rolling import make_rolling
from .actors.scraping import make_scraping
from .actors.splashing import make_splashing
from .actors.stairs import make_stairs
from .actors.stepping import make_stepping
from .actors.swinging import make_swinging
from .actors.toppling import make_toppling
from .actors.tumbling import make_tumbling
from .actors.whooshing import make_whooshing
from .camera import STAGE_WIDTH
from .materials import MATERIALS, Material
from .paint import Paint, hsv, mix_paint
from .split import Split

SMALLEST_GAP_S = 0.12
"""Contacts closer than this to a stronger one are neither labelled nor sounded."""

_Make = Callable[[np.random.Generator, Place, Material, Paint], Actor]

_ACTIONS: dict[str, _Make] = {
    "fall": make_falling,
    "hit": make_hitting,
    "roll": make_rolling,
    "swing": make_swinging,
    "scatter": make_tumbling,
    "step": lambda rng, place, _, paint: make_stepping(rng, place, paint),
    "splash": lambda rng, place, _, paint: make_splashing(rng, place, paint),
    "close": lambda rng, place, _, paint: make_closing(rng, place, paint),
    "drum": lambda rng, place, _, paint: make_drumming(rng, place, paint),
    "type": lambda rng, place, _, paint: make_keying(rng, place, paint),
    "break": lambda rng, place, _, paint: make_breaking(rng, place, paint),
    "scrape": lambda rng, place, _, paint: make_scraping(rng, place, paint),
    "whoosh": lambda rng, place, _, paint: make_whooshing(rng, place, paint),
    "rev": lambda rng, place, _, paint: make_revving(rng, place, paint),
    "pour": lambda rng, place, _, paint: make_pouring(rng, place, paint),
}

_RESERVED: dict[str, tuple[tuple[str, ...], _Make]] = {
    "stairs": (("wood", "metal", "glass", "stone", "soft"), make_stairs),
    "dominoes": (
        ("wood", "stone", "glass"),
        lambda rng, place, _, paint: make_toppling(rng, place, paint),
    ),
    "cradle": (
        ("wood", "metal", "glass"),
        lambda rng, place, _, paint: make_cradle(rng, place, paint),
    ),
}
UNSEEN_ACTIONS = tuple(_RESERVED)
"""Actions of the unseen split that training never shows."""

ACTIONS = tuple(_ACTIONS)
"""Actions of all splits."""

_HASTE = {"silent": 0.0, "sparse": 0.4, "usual": 0.95, "dense": 1.7}
_HASTE_SHARES = (0.03, 0.15, 0.67, 0.15)
_SUSTAINED_SHARE = 0.17
_RESERVED_SHARE = 0.45
_OFF_SCREEN_SHARE = 0.04
_TRIES, _COSTLY_TRIES = 6, 2
_COSTLY = ("scatter", "stairs", "dominoes")
_LEAST_WIDTH = {"roll": 0.72, "stairs": 0.9, "dominoes": 0.9}
_CLOSE_UPS = {"step": 2.1, "type": 1.5, "drum": 1.4, "close": 1.3, "pour": 1.3}
_STAGE_FLOOR = 0.85
_NEAREST, _FARTHEST, _VERY_FAR = 1.35, 0.72, 0.48


@dataclass(frozen=True, slots=True)
class Role:
    """An actor that sounds: of what, doing what."""

    material: Material
    action: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Cast:
    """All that moves: `roles` sound, `bystanders` do not; `things` in the order of drawing."""

    roles: tuple[Role, ...]
    bystanders: tuple[Actor, ...]

    @property
    def things(self) -> tuple[Actor, ...]:
        """Everything to draw, the farthest first."""
        everyone = (*self.bystanders, *(role.actor for role in self.roles))
        return tuple(sorted(everyone, key=_nearness))


def make_cast(rng: np.random.Generator, split: Split, floor: float, duration_s: float) -> Cast:
    """Cast a scene of `duration_s` seconds above the floor line `floor` (stage y)."""
    haste = str(rng.choice(list(_HASTE), p=_HASTE_SHARES))
    count = 0 if haste == "silent" else int(rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
    if haste == "sparse":
        count = min(count, 2)
    standing = int(rng.random() < 0.35) if 0 < count < 3 else int(count == 0)
    places = _places(rng, count + standing, _HASTE[haste] or 1.0, count, duration_s)
    roles: list[Role] = []
    for place in places[:count]:
        roles.append(_role(rng, split, place, floor, [role.actor for role in roles]))
    if roles and split is Split.TRAINING and rng.random() < _OFF_SCREEN_SHARE:
        place = Place(0.0, 1.0, _STAGE_FLOOR, 0.7, duration_s)
        material = _any(rng, [m for m in MATERIALS if not m.sustained])
        roles.append(Role(material, "off_screen", make_off_screen(rng, place)))
    bystanders = [_stander(rng, place, floor) for place in places[count:]]
    drifters = [
        make_drifting(rng, hsv(between(rng, 0, 360), 0.3, between(rng, 0.3, 0.9)))
        for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15])))
    ]
    return Cast(tuple(roles), (*drifters, *bystanders))


def _nearness(thing: Actor) -> float:
    return thing.seen_floor if isinstance(thing, Distant) else 0.0


def _any(rng: np.random.Generator, materials: list[Material]) -> Material:
    return materials[int(rng.integers(len(materials)))]


def _places(
    rng: np.random.Generator, count: int, haste: float, actors: int, duration_s: float
) -> list[Place]:
    """Divide the stage into `count` regions, in random order."""
    margin = 0.06
    if count == 1:
        width = float(rng.uniform(1.0, STAGE_WIDTH - 2 * margin))
        left = float(rng.uniform(margin, STAGE_WIDTH - margin - width))
        edges = [left, left + width]
    else:
        shares = rng.uniform(0.9, 1.1, count)
        cuts = np.concatenate([[0.0], np.cumsum(shares) / shares.sum()])
        edges = [margin + float(cut) * (STAGE_WIDTH - 2 * margin) for cut in cuts]
    # Several actors share the contacts of a scene, so each of them is slower.
    base = haste * (1.25, 1.0, 0.75, 0.6)[actors]
    order = rng.permutation(count).tolist()
    paces = (base * rng.uniform(0.75, 1.3, count)).tolist()
    return [
        Place(edges[k] + 0.01, edges[k + 1] - 0.01, _STAGE_FLOOR, pace, duration_s)
        for k, pace in zip(order, paces, strict=True)
    ]


def _role(
    rng: np.random.Generator, split: Split, place: Place, floor: float, others: list[Actor]
) -> Role:
    """Pick a material, one of its actions, and make the actor.

    Of a few tries the one that collides least, with the impacts of `others` and with its own, is
    taken, since a touch that is drawn but too close to another one to be sounded teaches nothing.
    """
    material, action, make = _picked(rng, split)
    scale, own = _distance(rng, place, action)
    paint = mix_paint(rng, material)
    tries = _COSTLY_TRIES if action in _COSTLY else _TRIES if others else 1
    made = [make(rng, own, material, paint) for _ in range(tries)]
    best = min(made, key=lambda actor: _collisions(actor, others))
    return Role(material, action, _at_distance(rng, best, scale, own, floor))


def _picked(rng: np.random.Generator, split: Split) -> tuple[Material, str, _Make]:
    if split is Split.UNSEEN and rng.random() < _RESERVED_SHARE:
        action = UNSEEN_ACTIONS[int(rng.integers(len(UNSEEN_ACTIONS)))]
        names, make = _RESERVED[action]
        return _any(rng, [m for m in MATERIALS if m.name in names]), action, make
    sustained = rng.random() < _SUSTAINED_SHARE
    material = _any(rng, [m for m in MATERIALS if m.sustained == sustained])
    action = material.actions[int(rng.integers(len(material.actions)))]
    return material, action, _ACTIONS[action]


def _distance(rng: np.random.Generator, place: Place, action: str) -> tuple[float, Place]:
    """Pick how large an actor is seen, and return that with its place on its own stage."""
    kind = rng.random()
    farthest = _VERY_FAR if kind < 0.08 else _FARTHEST
    nearest = _CLOSE_UPS.get(action, _NEAREST) if kind > 0.7 else _NEAREST
    scale = float(np.exp(between(rng, np.log(farthest), np.log(nearest))))
    # What needs room is seen from farther away.
    scale = min(scale, place.width / _LEAST_WIDTH.get(action, 0.5))
    width = min(1.6, place.width / scale)
    slack = (place.width - width * scale) / 2
    middle = place.middle + between(rng, -1, 1) * slack
    return scale, Place(
        middle - width / 2, middle + width / 2, place.floor, place.pace, place.duration_s
    )


def _at_distance(
    rng: np.random.Generator, actor: Actor, scale: float, place: Place, floor: float
) -> Distant:
    """Stand the actor on the floor, the nearer the lower in the picture."""
    near = min(1.0, max(0.0, (scale - _VERY_FAR) / (_NEAREST - _VERY_FAR)))
    band = (0.96 - floor) * min(1.0, max(0.05, near + between(rng, -0.15, 0.15)))
    return Distant(actor, scale, place.middle, place.floor, floor + band)


def _collisions(actor: Actor, others: list[Actor]) -> float:
    """Return the share of the actor's impacts that are too close to another one to sound."""
    taken = np.array([i.time_s for other in others for i in other.impacts])
    times = np.array([i.time_s for i in actor.impacts])
    if not times.size:
        return 0.0
    close = np.concatenate([[False], np.diff(times) < SMALLEST_GAP_S])
    if taken.size:
        nearest = np.abs(times[:, None] - taken[None, :]).min(axis=1)
        close |= nearest < SMALLEST_GAP_S
    return float(close.mean())


def _stander(rng: np.random.Generator, place: Place, floor: float) -> Actor:
    """Something that moves and stays silent, half of the time nearly touching."""
    action = NEAR_MISSES[int(rng.integers(len(NEAR_MISSES)))]
    scale, own = _distance(rng, place, action)
    if rng.random() < 0.55:
        material = _any(rng, [m for m in MATERIALS if action in m.actions])
        near_miss = make_near_miss(rng, own, material, action, mix_paint(rng, material))
        if near_miss is not None:
            return _at_distance(rng, near_miss, scale, own, floor)
    material = _any(rng, [m for m in MATERIALS if "fall" in m.actions])
    colour = hsv(between(rng, 0, 360), 0.4, between(rng, 0.3, 0.8))
    standing = make_standing(rng, own, mix_paint(rng, material), colour)
    return _at_distance(rng, standing, scale, own, floor)
