"""Connect to the server, and show where it is set and what it wrote."""

from typing import ClassVar

import bpy

from foleyline_client.server_process import log_folder

from .. import connection, diagnostics, report
from ..folders import ADDON
from ..link import link
from ..words import tip


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
        if link.board.connecting:
            cls.poll_message_set("A connection is being made already")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        problem = connection.connect(context, start=True if self.start else None)
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


class FOLEYLINE_OT_copy_diagnostics(bpy.types.Operator):
    """Copy what a helper needs to know to the clipboard: versions, server, last errors, log"""

    bl_idname = "foleyline.copy_diagnostics"
    bl_label = "Copy Diagnostics"
    bl_options: ClassVar = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = diagnostics.text(context)
        self.report({"INFO"}, tip("Diagnostics copied to the clipboard"))
        return {"FINISHED"}


class FOLEYLINE_OT_open_log(bpy.types.Operator):
    """Open the folder with the logs of servers that were started on this computer"""

    bl_idname = "foleyline.open_log"
    bl_label = "Open Log"
    bl_options: ClassVar = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        folder = log_folder()
        if not folder.is_dir():
            self.report({"WARNING"}, tip("No server was started on this computer yet"))
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=str(folder))
        return {"FINISHED"}


CLASSES = (
    FOLEYLINE_OT_connect,
    FOLEYLINE_OT_open_preferences,
    FOLEYLINE_OT_copy_diagnostics,
    FOLEYLINE_OT_open_log,
)
