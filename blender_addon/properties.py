"""The scene's Foley settings: one property group."""

from collections.abc import Iterator
from random import SystemRandom

import bpy

from foleyline_contract.messages import (
    ALIGN_SCALE_MAX,
    CFG_SCALE_MAX,
    SEED_MAX,
    STEPS_MAX,
    TAKES_MAX,
    GenerateSettings,
)

from .pump import link


def _bundle_names(
    _self: "FoleySceneSettings", _context: bpy.types.Context, _text: str
) -> Iterator[str]:
    yield from (bundle.name for bundle in link.board.bundles)


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
    bundle: bpy.props.StringProperty(
        name="Model",
        description="Model bundle to use; empty for the server's default",
        search=_bundle_names,
    )
    steps: bpy.props.IntProperty(
        name="Steps",
        description="Sampling steps; more are slower and cleaner. 0 for the model's default",
        default=0,
        min=0,
        max=STEPS_MAX,
        soft_max=100,
    )
    use_cfg_scale: bpy.props.BoolProperty(
        name="Override Guidance",
        description="Use this guidance instead of the model's default",
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
        description="Use this sync strength instead of the model's default",
    )
    align_scale: bpy.props.FloatProperty(
        name="Sync",
        description="How strongly sounds are pulled to the moments seen; 0 is faster",
        default=50,
        min=0,
        max=ALIGN_SCALE_MAX,
    )

    def draw_new_seed(self) -> None:
        """Draw a seed if the artist wants one for every click."""
        if self.random_seed:
            self.seed = SystemRandom().randrange(SEED_MAX + 1)

    def request(self) -> GenerateSettings:
        """The settings as the server takes them; None is the bundle's own default.

        Raises:
            SettingInvalid: a value is out of range (the properties' limits prevent it).
        """
        return GenerateSettings(
            seed=self.seed,
            takes=self.takes,
            bundle=self.bundle or None,
            steps=self.steps or None,
            cfg_scale=self.cfg_scale if self.use_cfg_scale else None,
            align_scale=self.align_scale if self.use_align_scale else None,
        )


def attach() -> None:
    """Give every scene its settings; needs the group registered."""
    group = bpy.props.PointerProperty(type=FoleySceneSettings)
    bpy.types.Scene.foley = group  # pyright: ignore[reportAttributeAccessIssue]


def detach() -> None:
    del bpy.types.Scene.foley  # pyright: ignore[reportAttributeAccessIssue]
