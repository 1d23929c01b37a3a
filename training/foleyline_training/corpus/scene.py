"""A scene: actors, bystanders and a backdrop, with the true times of all contacts.

Not here: sampling into pictures (`render`), sound (`soundtrack`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .actors.place import Actor
from .backdrop import Backdrop, make_backdrop
from .camera import Camera, make_camera
from .casting import SMALLEST_GAP_S, Cast, make_cast
from .look import Look
from .motion import Sustain
from .split import Split
from .stage import draw_stage
from .styles import make_look

SCENE_DURATION_S = 8.192
"""Default length of a scene: 128 pictures at 15.625 a second."""

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

_MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class Contact:
    """A touch that sounds.

    `time_s` from the scene's start, `strength` 0..1, `x` across the picture (0 left, 1 right),
    `actor` the index of the thing that sounds. It is not `seen` if it happens off the picture.
    """

    time_s: float
    material: str
    strength: float
    x: float
    actor: int
    seen: bool = True


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
    are what it was made from. `actions` are those of the actors that sound, by their index.
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
    floor = float(rng.uniform(0.8, 0.9))
    # A stream of its own: a change of the cast does not change how the scene looks.
    look_rng, unseen = scene_rng(seed, split, 2), split is Split.UNSEEN
    look = make_look(look_rng, duration_s, unseen=unseen)
    backdrop = make_backdrop(look_rng, floor, unseen=unseen)
    camera = make_camera(look_rng, duration_s)
    cast = make_cast(rng, split, floor, duration_s)
    return Scene(
        seed,
        split,
        duration_s,
        SOURCE_RATES[int(rng.integers(len(SOURCE_RATES)))],
        _contacts(cast, camera, duration_s),
        tuple(role.action for role in cast.roles),
        backdrop,
        camera,
        look,
        cast.things,
        _sustains(cast, duration_s),
    )


def _contacts(cast: Cast, camera: Camera, duration_s: float) -> tuple[Contact, ...]:
    """Collect all impacts; of those closer than SMALLEST_GAP_S keep the strongest.

    What leaves the picture is silent there.
    """
    found = [
        Contact(
            i.time_s,
            role.material.name,
            i.strength,
            camera.picture_x(i.x, i.time_s),
            index,
            i.seen,
        )
        for index, role in enumerate(cast.roles)
        for i in role.actor.impacts
        if 0.02 <= i.time_s < duration_s - 0.02
    ]
    found = [c for c in found if not c.seen or -_MARGIN < c.x < 1 + _MARGIN]
    kept: list[Contact] = []
    for contact in sorted(found, key=lambda c: (-c.strength, c.time_s, c.actor)):
        if all(abs(contact.time_s - other.time_s) >= SMALLEST_GAP_S for other in kept):
            kept.append(contact)
    return tuple(sorted(kept, key=lambda c: c.time_s))


def _sustains(cast: Cast, duration_s: float) -> tuple[SceneSustain, ...]:
    """Collect the sounds that last, sorted by their start."""
    found = [
        SceneSustain(role.material.name, index, sustain)
        for index, role in enumerate(cast.roles)
        for sustain in role.actor.sustains
        if sustain.start_s < duration_s
    ]
    return tuple(sorted(found, key=lambda one: (one.sustain.start_s, one.actor)))
