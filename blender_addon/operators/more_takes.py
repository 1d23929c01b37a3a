"""From one take to more: new seeds, takes like it, its seed and its settings."""

from __future__ import annotations

from random import SystemRandom
from typing import Any, ClassVar

import bpy

from foleyline_contract.messages import SEED_MAX, VARIATION

from .. import generation, report, take_facts
from .. import notices as n
from .. import take_strips as ts
from ..words import tip
from .target import ForGroup, ForTake


class SEQUENCER_OT_foley_takes_new(ForGroup):
    """Make more takes for this strip, with a new seed and the settings of the panel"""

    bl_idname = "sequencer.foley_takes_new"
    bl_label = "New Seeds"
    bl_options: ClassVar = set()

    def act(self, context: bpy.types.Context, group: ts.Group) -> set[str]:
        return _start(self, context, group, {"seed": _new_seed()})


class SEQUENCER_OT_foley_take_vary(ForTake):
    """Make takes that sound like this one, with its settings and of its seed family"""

    bl_idname = "sequencer.foley_take_vary"
    bl_label = "More Like This"
    bl_options: ClassVar = set()

    variation: bpy.props.FloatProperty(
        name="Variation",
        description="How far from this take; 1 is as far as another seed",
        default=VARIATION,
        min=0.01,
        max=1,
    )

    def act(self, context: bpy.types.Context, group: ts.Group, take: Any) -> set[str]:  # noqa: ANN401
        record = ts.record(take)
        changes = take_facts.settings_of(record) | {
            "seed": _new_seed(),
            "seed_family": take_facts.family_of(record),
            "variation": self.variation,
        }
        return _start(self, context, group, changes)


class SEQUENCER_OT_foley_take_copy_seed(ForTake):
    """Copy this take's seed to the clipboard"""

    bl_idname = "sequencer.foley_take_copy_seed"
    bl_label = "Copy Seed"
    bl_options: ClassVar = set()

    def act(self, context: bpy.types.Context, _group: ts.Group, take: Any) -> set[str]:  # noqa: ANN401
        seed = ts.record(take).get("seed", 0)
        context.window_manager.clipboard = str(seed)
        self.report({"INFO"}, tip("Seed {seed} copied", seed=seed))
        return {"FINISHED"}


class SEQUENCER_OT_foley_take_use_settings(ForTake):
    """Put the settings that made this take back into the panel, its seed locked"""

    bl_idname = "sequencer.foley_take_use_settings"
    bl_label = "Use These Settings"

    def act(self, context: bpy.types.Context, _group: ts.Group, take: Any) -> set[str]:  # noqa: ANN401
        settings = generation.scene_settings(context)
        settings.take_over(take_facts.settings_of(ts.record(take)))
        return {"FINISHED"}


def _new_seed() -> int:
    return SystemRandom().randrange(SEED_MAX + 1)


def _start(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    group: ts.Group,
    changes: dict[str, Any],
) -> set[str]:
    if group.picture is None:
        text = tip("The strip '{name}' is gone, so it has no picture.", name=group.name)
        operator.report({"WARNING"}, text)
        return {"CANCELLED"}
    problem = generation.start(context, [group.picture], changes)
    if isinstance(problem, n.Problem):
        operator.report({"WARNING"}, report.advice_for(problem).text)
        return {"CANCELLED"}
    return {"FINISHED"}


CLASSES = (
    SEQUENCER_OT_foley_takes_new,
    SEQUENCER_OT_foley_take_vary,
    SEQUENCER_OT_foley_take_copy_seed,
    SEQUENCER_OT_foley_take_use_settings,
)
