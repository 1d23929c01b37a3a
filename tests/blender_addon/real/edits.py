"""Edits to try: what an artist may do to a strip, by name and at random. No bpy here.

``build_edit.py`` makes one in Blender. The same seed gives the same edits everywhere.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from fractions import Fraction

RATES = tuple(
    Fraction(rate, base)
    for rate, base in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1)
    )
)  # fmt: skip
"""Of scenes and movies; of each there is a movie of MOVIE_PICTURES pictures."""
VARIABLE_RATES = (Fraction(25), Fraction(30))
"""Of each there is a movie that lacks some of these pictures and whose others come unevenly."""
MOVIE_PICTURES = 240
KINDS = (
    "movie", "image", "sequence", "scene", "meta", "movieclip",
    "cross", "glow", "blur", "speed", "adjustment", "colour", "text", "mask", "3d",
)  # fmt: skip
"""What is selected. All but the last four show a movie's pictures, by some way."""
ON_TOP = ("text", "mirror", "grade", "blur", "cross")
"""What may lie on a strip: a title, adjustments that mirror or colour it, effects that use it."""


def movie_name(fps: Fraction, *, variable: bool = False) -> str:
    """The file of the movie with this rate."""
    kind = "-variable" if variable else ""
    return f"movie-{fps.numerator}-{fps.denominator}{kind}.mp4"


@dataclass(frozen=True, slots=True)
class Edit:
    """One selected strip and what lies around it; lengths in timeline frames."""

    name: str
    kind: str = "movie"
    scene_fps: Fraction = Fraction(24)
    movie_fps: Fraction = Fraction(24)
    variable: bool = False
    """The movie's pictures stand for different times; see VARIABLE_RATES."""
    at_own_rate: bool = False
    """Added with *Adjust Playback Rate*."""
    start_frame: int = 20
    cut_head: int = 0
    """The left handle dragged inwards; outwards, holding the first picture, below zero."""
    length: int = 40
    """Visible frames."""
    trim_start: int = 0
    trim_end: int = 0
    """Source frames taken off the content itself."""
    speed_percent: float = 100.0
    """Of the one retiming segment."""
    kink: int = 0
    """With a second segment: frames that its first key is moved by."""
    reversed: bool = False
    strobe: float = 1.0
    split_at: int = 0
    """Split this many frames after the left handle, the right part being the selected one."""
    slip: int = 0
    """Content moved under the handles."""
    on_top: tuple[str, ...] = ()
    muted: bool = False
    hidden: bool = False
    """Another movie lies over it."""
    in_meta: bool = False
    """Inside a meta strip that is open."""
    flip: bool = False
    crop_px: int = 0
    scale: float = 1.0
    opacity: float = 1.0


def named_edits() -> list[Edit]:
    """Each way of editing by itself."""
    other = {"movie_fps": Fraction(30)}
    return [
        *(Edit(kind, kind) for kind in KINDS),
        Edit("trimmed", cut_head=13),
        Edit("slipped", cut_head=20, slip=-7),
        Edit("split", cut_head=5, split_at=11),
        Edit("content trimmed", trim_start=10, trim_end=5, cut_head=3),
        Edit("other rate", **other, cut_head=10),
        Edit("own rate", **other, cut_head=10, at_own_rate=True),
        Edit("ntsc in 23.976", scene_fps=Fraction(24000, 1001), movie_fps=Fraction(30000, 1001),
             at_own_rate=True, cut_head=31),
        Edit("60 in 25", scene_fps=Fraction(25), movie_fps=Fraction(60), at_own_rate=True),
        Edit("half speed", speed_percent=50, cut_head=20),
        Edit("double speed", speed_percent=200, cut_head=20),
        Edit("changing speed", speed_percent=100, kink=12),
        Edit("reversed", reversed=True, cut_head=10),
        Edit("strobed", strobe=4.0, cut_head=6),
        Edit("held first", cut_head=-10),
        Edit("held last", cut_head=215),
        Edit("muted", muted=True, cut_head=9),
        Edit("hidden", hidden=True, cut_head=9),
        Edit("in open meta", in_meta=True, cut_head=9),
        Edit("reversed in open meta", in_meta=True, reversed=True),
        *(Edit(f"under {what}", on_top=(what,), cut_head=9) for what in ON_TOP),
        Edit("under all, muted, hidden", on_top=ON_TOP, muted=True, hidden=True),
        Edit("mirrored", flip=True),
        Edit("cropped", crop_px=60),
        Edit("smaller", scale=0.5),
        Edit("larger", scale=1.4),
        Edit("faint", opacity=0.5),
        Edit("meta, reversed", "meta", reversed=True),
        Edit("meta, split", "meta", cut_head=4, split_at=10),
        Edit("sequence, strobed", "sequence", strobe=3.0, cut_head=5),
        Edit("scene, muted, hidden", "scene", muted=True, hidden=True),
    ]  # fmt: skip


def random_edits(seed: int, count: int) -> list[Edit]:
    """Edits of all sorts; plain movies are the most common, as they are in films."""
    dice = random.Random(seed)
    return [_random_edit(dice, f"random {seed}.{number}") for number in range(count)]


def _random_edit(dice: random.Random, name: str) -> Edit:
    kind = "movie" if dice.random() < 0.6 else dice.choice(KINDS[:-4])
    edit = Edit(
        name,
        kind,
        scene_fps=dice.choice(RATES),
        movie_fps=dice.choice(RATES),
        start_frame=dice.randrange(0, 200),
        cut_head=dice.randrange(0, 40),
        length=dice.randrange(12, 60),
        muted=dice.random() < 0.1,
        hidden=dice.random() < 0.2,
        in_meta=dice.random() < 0.15,
    )
    if kind != "movie":
        return edit
    edit = replace(
        edit,
        at_own_rate=dice.random() < 0.6,
        trim_start=dice.choice((0, 0, 7)),
        trim_end=dice.choice((0, 0, 5)),
        slip=dice.choice((0, 0, 0, -6)),
        split_at=dice.choice((0, 0, 0, 9)),
        on_top=tuple(what for what in ON_TOP if dice.random() < 0.08),
    )
    twist = dice.randrange(12)
    if twist == 0:
        return replace(edit, speed_percent=float(dice.choice((50, 80, 125, 200))))
    if twist == 1:
        return replace(edit, kink=dice.choice((-9, 8, 15)))
    if twist == 2:
        return replace(edit, reversed=True)
    if twist == 3:
        return replace(edit, strobe=float(dice.randrange(2, 6)))
    if twist == 4:
        return replace(edit, cut_head=-dice.randrange(1, 12))
    return edit


def random_timelines(seed: int, count: int) -> list[tuple[Edit, ...]]:
    """Edits of one to three strips, one after the other, in scenes of all rates."""
    dice = random.Random(seed)
    return [_random_timeline(dice, f"edit {seed}.{number}") for number in range(count)]


def _random_timeline(dice: random.Random, name: str) -> tuple[Edit, ...]:
    first = _random_edit(dice, name)
    others = [_random_edit(dice, name) for _ in range(dice.choice((0, 0, 1, 2)))]
    together = [
        first,
        # Blender crashes when keys of a second strip are moved by a script.
        *(replace(e, scene_fps=first.scene_fps, in_meta=first.in_meta, kink=0) for e in others),
    ]
    return tuple(_perhaps_variable(dice, edit) for edit in together)


def _perhaps_variable(dice: random.Random, edit: Edit) -> Edit:
    if dice.random() >= 0.15:
        return edit
    return replace(edit, movie_fps=dice.choice(VARIABLE_RATES), variable=True)
