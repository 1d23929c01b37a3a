"""Which takes an operator acts on: the active strip's, or those named by its arguments."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy

from .. import compat
from .. import take_strips as ts
from ..words import tip


class _ForTakes(bpy.types.Operator):
    """Needs a timeline with takes; which of them, execute finds, as arguments may name them."""

    bl_options: ClassVar = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        scene = compat.sequencer_scene(context)
        if scene is None:
            cls.poll_message_set("Open a scene in the Sequencer first")
            return False
        if not ts.has_takes(scene):
            cls.poll_message_set("There are no takes yet; generate Foley for a strip first")
            return False
        return True

    def refuse(self, text: str) -> set[str]:
        self.report({"WARNING"}, text)
        return {"CANCELLED"}


class ForGroup(_ForTakes):
    """Acts on the takes of one picture strip."""

    strip: bpy.props.StringProperty(
        name="Strip",
        description="Name of the picture strip; empty for the active strip",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        strip = ts.named(scene, self.strip) if self.strip else ts.active_strip(scene)
        group = ts.group_of_any(scene, strip)
        if group is not None and group.takes:
            return self.act(context, group)
        if self.strip:
            return self.refuse(tip("There is no strip '{name}' with takes.", name=self.strip))
        return self.refuse(tip("The active strip has no takes; select one that has."))

    def act(self, context: bpy.types.Context, group: ts.Group) -> set[str]:
        raise NotImplementedError


class ForTake(_ForTakes):
    """Acts on one take."""

    take: bpy.props.StringProperty(
        name="Take",
        description="Name of the take's strip; empty for the active or else the heard take",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        take = ts.named(scene, self.take) if self.take else ts.active_take(scene)
        if ts.is_take(take):
            return self.act(context, ts.group_of_take(scene, take), take)
        if self.take:
            return self.refuse(tip("There is no take '{name}'.", name=self.take))
        return self.refuse(tip("No take is active or heard; select a take in the list."))

    def act(self, context: bpy.types.Context, group: ts.Group, take: Any) -> set[str]:  # noqa: ANN401
        raise NotImplementedError
