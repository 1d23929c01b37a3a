"""A scene: actors, bystanders and a backdrop, with the true times of all contacts.

Not here: sampling into pictures (`render`), sound (`soundtrack`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .actors.bystanders import make_drifting, make_standing
from .actors.closing import make_closing
from .actors.falling import make_falling
from .actors.hitting import make_hitting
from .actors.place import Actor, Place
from .actors.rolling import make_rolling
from .actors.splashing import make_splashing
from .actors.stepping import make_stepping
from .actors.swinging import make_swinging
from .backdrop import Backdrop, make_backdrop
from .camera import STAGE_WIDTH, Camera, make_camera
from .look import Look
from .materials import MATERIALS, Material
from .motion import Sustain
from .paint import Paint, hsv, mix_paint
from .split import Split
from .stage import draw_stage
from .styles import make_look

SCENE_DURATION_S = 8.192
"""Default length of a scene: 128 pictures at 15.625 a second."""

SMALLEST_GAP_S = 0.12
"""Contacts closer than this to a stronger one are neither labelled nor sounded."""

SOURCE_RATES: tuple[Fraction, ...] = (
    Fraction(12),
    Fraction(15),
    Fraction(24),
    Fraction(24000, 1001),
    Fraction(25),
    Fraction(30),
    Fraction(50),
    Fraction(60),
)
"""Picture rates of files that a scene may pretend to come from, frames per second."""

_DRAWN = {"fall", "hit", "roll", "swing", "step", "splash", "close"}
_CASTING_TRIES = 6
_HASTE = {"silent": 0.0, "sparse": 0.4, "usual": 0.95, "dense": 1.7}


@dataclass(frozen=True, slots=True)
class Contact:
    """A touch that sounds.

    `time_s` from the scene's start, `strength` 0..1, `x` across the picture (0 left, 1 right),
    `actor` the index of the thing that sounds.
    """

    time_s: float
    material: str
    strength: float
    x: float
    actor: int


@dataclass(frozen=True, slots=True)
class SceneSustain:
    """A lasting sound of the scene: of which material, made by which actor, and how."""

    material: str
    actor: int
    sustain: Sustain


@dataclass(frozen=True, slots=True)
class Scene:
    """A moving scene of `duration_s` seconds; `contacts` are sorted by time.

    `source_fps` is the rate of the file the scene pretends to come from; `seed` and `split`
    are what it was made from.
    """

    seed: int
    split: Split
    duration_s: float
    source_fps: Fraction
    contacts: tuple[Contact, ...]
    actions: tuple[str, ...]
    backdrop: Backdrop
    camera: Camera
    look: Look
    things: tuple[Actor, ...]
    sustains: tuple[SceneSustain, ...] = ()

    def draw(
        self, time_s: float, width: int, height: int, *, exposure_s: float = 0.0
    ) -> NDArray[np.uint8]:
        """Draw the picture at `time_s`: RGB uint8 (height, width, 3), anti-aliased.

        What moves during `exposure_s` about that time is blurred.
        """
        return draw_stage(
            self.things,
            self.backdrop,
            self.camera,
            self.look,
            time_s=time_s,
            exposure_s=exposure_s,
            width=width,
            height=height,
        )


def scene_rng(seed: int, split: Split, purpose: int) -> np.random.Generator:
    """Return the random stream of a scene for one purpose (0 scene, 1 sound, 2 look)."""
    return np.random.Generator(np.random.PCG64([seed, split.stream, purpose]))


def make_scene(
    seed: int, *, duration_s: float = SCENE_DURATION_S, split: Split = Split.TRAINING
) -> Scene:
    """Invent the scene of `seed` (>= 0); every split has a seed space of its own."""
    rng = scene_rng(seed, split, 0)
    haste = str(rng.choice(list(_HASTE), p=[0.03, 0.15, 0.67, 0.15]))
    floor = float(rng.uniform(0.8, 0.9))
    # A stream of its own: a change of the cast does not change how the scene looks.
    look_rng, unseen = scene_rng(seed, split, 2), split is Split.UNSEEN
    look = make_look(look_rng, duration_s, unseen=unseen)
    backdrop = make_backdrop(look_rng, floor, unseen=unseen)
    camera = make_camera(look_rng, duration_s)
    count = 0 if haste == "silent" else int(rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
    if haste == "sparse":
        count = min(count, 2)
    standing = int(rng.random() < 0.35) if 0 < count < 3 else int(count == 0)
    places = _places(rng, count + standing, floor, _HASTE[haste] or 1.0, count, duration_s)
    actors: list[Actor] = []
    actions: list[str] = []
    materials: list[Material] = []
    for place in places[:count]:
        material, action, actor = _cast(rng, place, actors)
        actors.append(actor)
        actions.append(action)
        materials.append(material)
    standers = [_stander(rng, place) for place in places[count:]]
    drifters = [
        make_drifting(rng, hsv(float(rng.uniform(0, 360)), 0.3, float(rng.uniform(0.3, 0.9))))
        for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15])))
    ]
    return Scene(
        seed,
        split,
        duration_s,
        SOURCE_RATES[int(rng.integers(len(SOURCE_RATES)))],
        _contacts(actors, materials, camera, duration_s),
        tuple(actions),
        backdrop,
        camera,
        look,
        (*drifters, *standers, *actors),
    )


def _places(
    rng: np.random.Generator,
    count: int,
    floor: float,
    haste: float,
    actors: int,
    duration_s: float,
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
    return [Place(edges[k] + 0.01, edges[k + 1] - 0.01, floor, paces[k], duration_s) for k in order]


def _cast(
    rng: np.random.Generator, place: Place, others: list[Actor]
) -> tuple[Material, str, Actor]:
    """Pick a material, one of its actions, and make the actor.

    Of a few tries the one that collides least with the impacts of `others` is taken, since a
    touch that is drawn but too close to another one to be sounded teaches nothing.
    """
    drawn = [m for m in MATERIALS if set(m.actions) & _DRAWN]
    material = drawn[int(rng.integers(len(drawn)))]
    actions = [a for a in material.actions if a in _DRAWN]
    actions = [a for a in actions if a != "roll" or place.width > 0.72]
    action = actions[int(rng.integers(len(actions)))]
    paint = mix_paint(rng, material)
    tries = [
        _made(rng, action, place, material, paint) for _ in range(_CASTING_TRIES if others else 1)
    ]
    return material, action, min(tries, key=lambda actor: _collisions(actor, others))


def _made(
    rng: np.random.Generator, action: str, place: Place, material: Material, paint: Paint
) -> Actor:
    if action == "fall":
        return make_falling(rng, place, material, paint)
    if action == "hit":
        return make_hitting(rng, place, material, paint)
    if action == "roll":
        return make_rolling(rng, place, material, paint)
    if action == "swing":
        return make_swinging(rng, place, material, paint)
    if action == "step":
        return make_stepping(rng, place, paint)
    if action == "splash":
        return make_splashing(rng, place, paint)
    return make_closing(rng, place, paint)


def _collisions(actor: Actor, others: list[Actor]) -> float:
    """Return the share of the actor's impacts that are too close to one of `others`."""
    taken = np.array([i.time_s for other in others for i in other.impacts])
    times = np.array([i.time_s for i in actor.impacts])
    if not taken.size or not times.size:
        return 0.0
    nearest = np.abs(times[:, None] - taken[None, :]).min(axis=1)
    return float((nearest < SMALLEST_GAP_S).mean())


def _stander(rng: np.random.Generator, place: Place) -> Actor:
    solid = [material for material in MATERIALS if "fall" in material.actions]
    paint = mix_paint(rng, solid[int(rng.integers(len(solid)))])
    colour = hsv(float(rng.uniform(0, 360)), 0.4, float(rng.uniform(0.3, 0.8)))
    return make_standing(rng, place, paint, colour)


def _contacts(
    actors: list[Actor], materials: list[Material], camera: Camera, duration_s: float
) -> tuple[Contact, ...]:
    """Collect all impacts; of those closer than SMALLEST_GAP_S keep the strongest."""
    found = [
        Contact(i.time_s, material.name, i.strength, camera.picture_x(i.x, i.time_s), index)
        for index, (actor, material) in enumerate(zip(actors, materials, strict=True))
        for i in actor.impacts
        if 0.02 <= i.time_s < duration_s - 0.02
    ]
    kept: list[Contact] = []
    for contact in sorted(found, key=lambda c: (-c.strength, c.time_s, c.actor)):
        if all(abs(contact.time_s - other.time_s) >= SMALLEST_GAP_S for other in kept):
            kept.append(contact)
    return tuple(sorted(kept, key=lambda c: c.time_s))
