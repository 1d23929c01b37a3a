"""Connect to the server, and open the preferences that say where it is."""

from typing import ClassVar

import bpy

from .. import generation, report
from ..preferences import ADDON
from ..pump import link


class FOLEYLINE_OT_connect(bpy.types.Operator):
    """Connect to the Foleyline server, starting it on this computer if the preferences say so"""

    bl_idname = "foleyline.connect"
    bl_label = "Connect"
    bl_options: ClassVar = {"INTERNAL"}

    start: bpy.props.BoolProperty(
        name="Start Server",
        description="Start the server on this computer if none answers",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if link.board.busy:
            cls.poll_message_set("Foley is being generated; cancel it first")
            return False
        if link.board.connecting:
            cls.poll_message_set("A connection is being made already")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        problem = generation.connect(context, start=True if self.start else None)
        if problem is not None:
            self.report({"WARNING"}, report.advice_for(problem).text)
            return {"CANCELLED"}
        return {"FINISHED"}


class FOLEYLINE_OT_open_preferences(bpy.types.Operator):
    """Show where the server's address and program are set"""

    bl_idname = "foleyline.open_preferences"
    bl_label = "Open Preferences"
    bl_options: ClassVar = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=ADDON)
        return {"FINISHED"}


class FOLEYLINE_OT_use_seed(bpy.types.Operator):
    """Make the next take with this take's seed"""

    bl_idname = "foleyline.use_seed"
    bl_label = "Use This Seed"
    bl_options: ClassVar = {"UNDO", "INTERNAL"}

    seed: bpy.props.IntProperty(name="Seed", min=0)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = generation.scene_settings(context)
        settings.seed, settings.random_seed = self.seed, False
        return {"FINISHED"}


CLASSES = (FOLEYLINE_OT_connect, FOLEYLINE_OT_open_preferences, FOLEYLINE_OT_use_seed)
