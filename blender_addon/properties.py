"""The scene's Foley settings: one property group."""

from collections.abc import Mapping
from random import SystemRandom
from typing import Any

import bpy

from foleyline_contract.messages import GenerateSettings
from foleyline_contract.quality import QUALITIES
from foleyline_contract.requests import (
    ALIGN_SCALE_MAX,
    CFG_SCALE_MAX,
    LOUDNESS_MAX_LUFS,
    LOUDNESS_MIN_LUFS,
    SEED_MAX,
    STEPS_MAX,
    TAKES_MAX,
)

from . import choices, compat
from .link import link

SAMPLERS = ("dpm-solver++2m", "ddim", "plms")
FADE_MAX_FRAMES, HANDLE_MAX_FRAMES, CHANNEL_MAX = 250, 250, 128
_LOUDNESS = {"STREAM": -16.0, "BROADCAST": -23.0}


def _models(self: "FoleySceneSettings", _context: object) -> list[choices.MenuItem]:
    return choices.menu(choices.models(link.board, self.bundle), choices.NO_MODEL)


def _get_model(self: "FoleySceneSettings") -> int:
    return choices.place(choices.models(link.board, self.bundle), self.bundle)


def _set_model(self: "FoleySceneSettings", number: int) -> None:
    self.bundle = choices.name_at(choices.models(link.board, self.bundle), number, self.bundle)
    _start_from_bundle(self, None)


def _sounds(self: "FoleySceneSettings", _context: object) -> list[choices.MenuItem]:
    return choices.menu(choices.sounds(link.board, self.bundle, self.palette), choices.NO_SOUND)


def _get_sound(self: "FoleySceneSettings") -> int:
    return choices.place(choices.sounds(link.board, self.bundle, self.palette), self.palette)


def _set_sound(self: "FoleySceneSettings", number: int) -> None:
    items = choices.sounds(link.board, self.bundle, self.palette)
    self.palette = choices.name_at(items, number, self.palette)


def _start_from_bundle(self: "FoleySceneSettings", _context: object) -> None:
    """Overrides begin where the model's own numbers are."""
    info = link.board.bundle(self.bundle)
    if info is None:
        return
    if not self.use_cfg_scale:
        self.cfg_scale = info.cfg_scale
    if not self.use_align_scale:
        self.align_scale = info.align_scale
    if self.quality != "CUSTOM":
        self.steps = info.steps


def _guidance_switched(self: "FoleySceneSettings", _context: object) -> None:
    info = link.board.bundle(self.bundle)
    if info is not None:
        self.cfg_scale = info.cfg_scale


def _sync_switched(self: "FoleySceneSettings", _context: object) -> None:
    info = link.board.bundle(self.bundle)
    if info is not None:
        self.align_scale = info.align_scale


class FoleySceneSettings(bpy.types.PropertyGroup):
    """How to generate Foley in this scene."""

    seed: bpy.props.IntProperty(
        name="Seed",
        description="Number that a take grows from; the same seed and settings give the same take",
        default=0,
        min=0,
        max=SEED_MAX,
    )
    random_seed: bpy.props.BoolProperty(
        name="New Seed Each Time",
        description="Draw a new seed for every click, so that every click gives another take",
        default=True,
    )
    takes: bpy.props.IntProperty(
        name="Takes",
        description="How many takes to make; the best aligned one is heard, the others are muted",
        default=1,
        min=1,
        max=TAKES_MAX,
    )
    bundle: bpy.props.StringProperty(name="Model Name", options={"HIDDEN"})
    model: bpy.props.EnumProperty(
        name="Model",
        description="Model of the server that makes the sound",
        items=_models,
        get=_get_model,
        set=_set_model,
        options={"SKIP_SAVE"},
    )
    palette: bpy.props.StringProperty(name="Sound Name", options={"HIDDEN"})
    sound: bpy.props.EnumProperty(
        name="Sound",
        description="What it shall sound like; Auto leaves it to the picture",
        items=_sounds,
        get=_get_sound,
        set=_set_sound,
        options={"SKIP_SAVE"},
    )
    quality: bpy.props.EnumProperty(
        name="Quality",
        description="How much time the model takes for a take",
        items=(
            ("DRAFT", "Draft", "Quick, to find a seed"),
            ("STANDARD", "Standard", "The model's own number of steps"),
            ("BEST", "Best", "Slower and cleaner"),
            ("CUSTOM", "Custom", "As many steps as set under Advanced"),
        ),
        default="STANDARD",
        update=_start_from_bundle,
    )
    steps: bpy.props.IntProperty(
        name="Steps",
        description="Sampling steps; more are slower and cleaner",
        default=25,
        min=1,
        max=STEPS_MAX,
        soft_max=100,
    )
    use_cfg_scale: bpy.props.BoolProperty(
        name="Override Guidance",
        description="Use this guidance instead of the model's own",
        update=_guidance_switched,
    )
    cfg_scale: bpy.props.FloatProperty(
        name="Guidance",
        description="How strongly the picture shapes the sound",
        default=4.5,
        min=0,
        max=CFG_SCALE_MAX,
    )
    use_align_scale: bpy.props.BoolProperty(
        name="Override Sync",
        description="Use this sync strength instead of the model's own",
        update=_sync_switched,
    )
    align_scale: bpy.props.FloatProperty(
        name="Sync",
        description="How strongly sounds are pulled to the moments seen; 0 is faster",
        default=50,
        min=0,
        max=ALIGN_SCALE_MAX,
    )
    sampler: bpy.props.EnumProperty(
        name="Sampler",
        description="Method that turns noise into sound",
        items=(
            ("DEFAULT", "Model's Own", "What the model was tested with"),
            *((name, name, "") for name in SAMPLERS),
        ),
    )
    loudness: bpy.props.EnumProperty(
        name="Loudness",
        description="Loudness that takes are brought to",
        items=(
            ("NONE", "As Generated", "Leave takes as loud as they come"),
            ("STREAM", "-16 LUFS", "Podcasts and the web"),
            ("BROADCAST", "-23 LUFS", "Broadcast, EBU R 128"),
            ("CUSTOM", "Custom", "As set beside"),
        ),
    )
    loudness_lufs: bpy.props.FloatProperty(
        name="Target",
        description="Integrated loudness in LUFS",
        default=-23.0,
        min=LOUDNESS_MIN_LUFS,
        max=LOUDNESS_MAX_LUFS,
        precision=1,
    )
    fade_frames: bpy.props.IntProperty(
        name="Fades",
        description="Frames over which takes fade in and out",
        default=0,
        min=0,
        max=FADE_MAX_FRAMES,
    )
    handle_frames: bpy.props.IntProperty(
        name="Handles",
        description="Frames of sound before and after the strip, hidden under the take's handles; "
        "as far as the movie goes",
        default=0,
        min=0,
        max=HANDLE_MAX_FRAMES,
    )
    channel: bpy.props.IntProperty(
        name="Channel",
        description="Channel for takes where it has room; 0 for the nearest free one",
        default=0,
        min=0,
        max=CHANNEL_MAX,
    )
    pack: bpy.props.BoolProperty(
        name="Pack into .blend",
        description="Keep takes inside the .blend file as well as beside it",
    )
    output: bpy.props.StringProperty(
        name="Output",
        description="Pattern for the takes' files in this scene, such as "
        "//foley/{strip}_seed{seed}; empty: as in the preferences. "
        "Tokens: {project} {scene} {strip} {model} {seed} {take}",
    )

    def draw_new_seed(self) -> None:
        """Draw a seed if the artist wants one for every click."""
        if self.random_seed:
            self.seed = SystemRandom().randrange(SEED_MAX + 1)

    def quality_name(self) -> str | None:
        """The chosen preset as foleyline_contract.quality knows it; None for custom steps."""
        name = self.quality.lower()
        return name if name in QUALITIES else None

    def request(self, changes: Mapping[str, Any]) -> GenerateSettings:
        """The settings as the server takes them; None is the bundle's own default.

        Args:
            changes: fields of GenerateSettings that shall be otherwise.

        Raises:
            SettingInvalid: a value is out of range, or the model cannot be asked for the sound.
        """
        loudness = self.loudness_lufs if self.loudness == "CUSTOM" else _LOUDNESS.get(self.loudness)
        wanted: dict[str, Any] = {
            "seed": self.seed,
            "takes": self.takes,
            "bundle": self.bundle or None,
            "sampler": None if self.sampler == "DEFAULT" else self.sampler,
            "steps": self.steps if self.quality == "CUSTOM" else None,
            "cfg_scale": self.cfg_scale if self.use_cfg_scale else None,
            "align_scale": self.align_scale if self.use_align_scale else None,
            "loudness_lufs": loudness,
            "palette": choices.asked(link.board, self.bundle, self.palette),
        }
        return choices.checked(link.board, GenerateSettings(**(wanted | dict(changes))))

    def take_over(self, record: Mapping[str, Any]) -> None:
        """Set everything as it was for a take.

        Args:
            record: fields of GenerateSettings, and ``quality``.
        """
        self.bundle, self.palette = record.get("bundle", ""), record.get("palette") or ""
        self.seed, self.random_seed = record.get("seed", self.seed), False
        quality = str(record.get("quality", "custom")).upper()
        self.quality = quality if quality.lower() in QUALITIES else "CUSTOM"
        self.steps = record.get("steps", self.steps)
        info = link.board.bundle(self.bundle)
        for name in ("cfg_scale", "align_scale"):
            value = record.get(name)
            own = getattr(info, name, None)
            setattr(self, f"use_{name}", value is not None and value != own)
            if value is not None:
                setattr(self, name, value)
        sampler = record.get("sampler")
        known = sampler in SAMPLERS and sampler != getattr(info, "sampler", None)
        self.sampler = sampler if known else "DEFAULT"
        target = record.get("loudness_lufs")
        names = {level: name for name, level in _LOUDNESS.items()}
        self.loudness = "NONE" if target is None else names.get(target, "CUSTOM")
        if target is not None:
            self.loudness_lufs = target


def settings_of(context: bpy.types.Context) -> FoleySceneSettings:
    """The Foley settings of the scene that the Sequencer shows."""
    return compat.sequencer_scene(context).foley


def attach() -> None:
    """Give every scene its settings; needs the group registered."""
    group = bpy.props.PointerProperty(type=FoleySceneSettings)
    bpy.types.Scene.foley = group  # pyright: ignore[reportAttributeAccessIssue]


def detach() -> None:
    del bpy.types.Scene.foley  # pyright: ignore[reportAttributeAccessIssue]
