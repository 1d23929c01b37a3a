"""Add-on preferences: where the server is and where takes go."""

import bpy

from foleyline_contract.address import DEFAULT_ADDRESS, is_loopback
from foleyline_contract.errors import SettingInvalid

from . import keymap
from .folders import ADDON
from .link import link
from .naming import DEFAULT_PATTERN, check_pattern
from .report import link_text
from .words import tr


class FoleyPreferences(bpy.types.AddonPreferences):
    """What belongs to the artist's machine rather than to a project."""

    bl_idname = ADDON

    address: bpy.props.StringProperty(
        name="Server Address",
        description="Where the Foleyline server listens",
        default=DEFAULT_ADDRESS,
    )
    key: bpy.props.StringProperty(
        name="Key File",
        description="The .foleykey file that the server's owner gave you; "
        "only for a server on another computer",
        subtype="FILE_PATH",
    )
    start_server: bpy.props.BoolProperty(
        name="Start Server Automatically",
        description="Start the server on this computer when none answers at the address",
        default=True,
    )
    program: bpy.props.StringProperty(
        name="Server Program",
        description="The program foley-server; leave empty to look for it in the usual places",
        subtype="FILE_PATH",
    )
    pattern: bpy.props.StringProperty(
        name="Take Files",
        description="Pattern for the files of takes; // is the folder of the .blend file. "
        "While that is unsaved, takes go to the extension's own folder. "
        "Tokens: {project} {scene} {strip} {model} {seed} {take}",
        default=DEFAULT_PATTERN,
    )

    def server_address(self) -> str:
        """The address to connect to."""
        return self.address.strip() or DEFAULT_ADDRESS

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "address")
        if not is_loopback(self.server_address()):
            layout.prop(self, "key")
        layout.prop(self, "start_server")
        column = layout.column()
        column.active = self.start_server
        column.prop(self, "program")
        layout.prop(self, "pattern")
        try:
            check_pattern(self.pattern or DEFAULT_PATTERN)
        except SettingInvalid as error:
            layout.label(text=str(error), icon="ERROR", translate=False)
        keymap.draw(context, layout)
        state = link_text(link.board)
        row = layout.row()
        row.label(text=state.text, icon=state.icon, translate=False)
        row.operator("foleyline.connect")
        row = layout.row()
        row.label(text=tr("Help"), translate=False)
        row.operator("foleyline.copy_diagnostics", icon="COPYDOWN")
        row.operator("foleyline.open_log", icon="TEXT")


def preferences(context: bpy.types.Context) -> FoleyPreferences:
    """The add-on's own preferences."""
    return context.preferences.addons[ADDON].preferences
