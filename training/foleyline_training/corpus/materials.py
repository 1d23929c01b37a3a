"""The table of materials: what a thing is made of, how it looks and which sounds belong to it.

Not here: how a texture is drawn (`paint`) or how a sound is loaded (`sounds`).
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Material:
    """One class of the corpus: a look and a sound that always come together.

    `categories` are values of the licence table's column `category`; a file whose name contains
    one of `excluded` is left out. `hue` is in degrees 0..360, `saturation` and `value` are in
    0..1. `restitution` is the range of the speed kept at a bounce, 0..1. `actions` names the
    actors that may be made of it.
    """

    name: str
    categories: tuple[str, ...]
    hue: Range
    saturation: Range
    value: Range
    texture: str
    restitution: Range
    actions: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    sustained: bool = False
    """Its sounds last and have no moment of contact."""


_SOLID = ("fall", "hit", "roll", "swing", "scatter")

MATERIALS: tuple[Material, ...] = (
    Material(
        "wood",
        ("impact_wood", "woodblock", "chop_tree", "claves_wood", "stick_rim"),
        hue=(22.0, 36.0),
        saturation=(0.55, 0.8),
        value=(0.55, 0.8),
        texture="grain",
        restitution=(0.45, 0.6),
        actions=_SOLID,
    ),
    Material(
        "metal",
        ("impact_metal", "impact_bucket", "cowbell", "agogo_metal"),
        hue=(205.0, 225.0),
        saturation=(0.02, 0.12),
        value=(0.5, 0.65),
        texture="gloss",
        restitution=(0.5, 0.68),
        actions=_SOLID,
        # The same recordings as ams_node_dug_metal under another name.
        excluded=("mt_default_place_node_metal",),
    ),
    Material(
        "glass",
        ("impact_glass",),
        hue=(165.0, 190.0),
        saturation=(0.25, 0.45),
        value=(0.9, 1.0),
        texture="clear",
        restitution=(0.45, 0.6),
        actions=_SOLID,
    ),
    Material(
        "stone",
        ("impact_stone", "impact_arrow_ground", "impact_generic"),
        hue=(20.0, 60.0),
        saturation=(0.03, 0.14),
        value=(0.28, 0.42),
        texture="speckle",
        restitution=(0.3, 0.42),
        actions=_SOLID,
        excluded=("Lorry_Dump",),
    ),
    Material(
        "soft",
        ("impact_soft", "punch_body"),
        hue=(300.0, 345.0),
        saturation=(0.35, 0.6),
        value=(0.88, 1.0),
        texture="plush",
        restitution=(0.5, 0.7),
        actions=("fall", "hit", "roll", "scatter"),
    ),
    Material(
        "drum",
        ("taiko", "bongo_conga", "drum_tom", "tabla", "timbale", "drum_kick", "drum_snare"),
        hue=(352.0, 366.0),
        saturation=(0.75, 0.95),
        value=(0.6, 0.85),
        texture="shell",
        restitution=(0.5, 0.6),
        actions=("hit", "drum", "drum", "swing"),
    ),
    Material(
        "footstep_hard",
        ("footstep_concrete", "footstep_hard", "footstep_metal"),
        hue=(40.0, 65.0),
        saturation=(0.6, 0.9),
        value=(0.75, 0.95),
        texture="plain",
        restitution=(0.0, 0.0),
        actions=("step",),
    ),
    Material(
        "footstep_loose",
        (
            "footstep_gravel",
            "footstep_sand",
            "footstep_snow",
            "footstep_soft",
            "dig_earth",
            "dig_grass",
        ),
        hue=(80.0, 110.0),
        saturation=(0.3, 0.6),
        value=(0.5, 0.8),
        texture="speckle",
        restitution=(0.0, 0.0),
        actions=("step",),
    ),
    Material(
        "water",
        ("water_splash", "water_drop", "ui_drop", "pop"),
        hue=(208.0, 226.0),
        saturation=(0.7, 0.9),
        value=(0.7, 0.95),
        texture="plain",
        restitution=(0.0, 0.0),
        actions=("splash",),
    ),
    Material(
        "door",
        ("door",),
        hue=(115.0, 160.0),
        saturation=(0.5, 0.75),
        value=(0.35, 0.6),
        texture="panel",
        restitution=(0.0, 0.0),
        actions=("close",),
    ),
    Material(
        "click",
        ("switch_click",),
        hue=(230.0, 260.0),
        saturation=(0.05, 0.25),
        value=(0.6, 0.9),
        texture="plain",
        restitution=(0.0, 0.0),
        actions=("type",),
    ),
    Material(
        "shatter",
        ("glass_break", "ice_crack", "tool_break_wood"),
        hue=(165.0, 200.0),
        saturation=(0.2, 0.4),
        value=(0.85, 1.0),
        texture="clear",
        restitution=(0.0, 0.0),
        actions=("break",),
    ),
    Material(
        "scrape",
        ("scrape", "saw"),
        hue=(10.0, 40.0),
        saturation=(0.2, 0.5),
        value=(0.4, 0.7),
        texture="grain",
        restitution=(0.0, 0.0),
        actions=("scrape",),
        sustained=True,
        excluded=("kenney_scratch",),
    ),
    Material(
        "whoosh",
        ("whoosh",),
        hue=(0.0, 360.0),
        saturation=(0.1, 0.6),
        value=(0.5, 0.9),
        texture="plain",
        restitution=(0.0, 0.0),
        actions=("whoosh",),
        sustained=True,
    ),
    Material(
        "engine",
        ("engine_loop", "machine_loop"),
        hue=(0.0, 360.0),
        saturation=(0.4, 0.9),
        value=(0.4, 0.8),
        texture="gloss",
        restitution=(0.0, 0.0),
        actions=("rev",),
        sustained=True,
    ),
    Material(
        "pour",
        ("water_stream_loop",),
        hue=(200.0, 220.0),
        saturation=(0.4, 0.8),
        value=(0.7, 0.95),
        texture="clear",
        restitution=(0.0, 0.0),
        actions=("pour",),
        sustained=True,
    ),
)

MATERIAL_NAMES: tuple[str, ...] = tuple(material.name for material in MATERIALS)
"""Names in label order: a material's id is its index here."""
