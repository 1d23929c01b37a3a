"""Add-on preferences: where the server is and where takes go."""

from pathlib import Path

import bpy

from foleyline_contract.address import DEFAULT_ADDRESS, is_loopback

from . import notices as n
from .pump import link
from .report import ONLINE_ACCESS_OFF, link_text

ADDON = __package__ or ""
DEFAULT_FOLDER = "//foley/"


class FoleyPreferences(bpy.types.AddonPreferences):
    """What belongs to the artist's machine rather than to a project."""

    bl_idname = ADDON

    address: bpy.props.StringProperty(
        name="Server Address",
        description="Where the Foleyline server listens",
        default=DEFAULT_ADDRESS,
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
    folder: bpy.props.StringProperty(
        name="Takes Folder",
        description="Where takes are saved; // is the folder of the .blend file. "
        "While that is unsaved, takes go to the extension's own folder",
        default=DEFAULT_FOLDER,
        subtype="DIR_PATH",
    )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "address")
        layout.prop(self, "start_server")
        column = layout.column()
        column.active = self.start_server
        column.prop(self, "program")
        layout.prop(self, "folder")
        state = link_text(link.board)
        row = layout.row()
        row.label(text=state.text, icon=state.icon)
        row.operator("foleyline.connect")


def preferences(context: bpy.types.Context) -> FoleyPreferences:
    """The add-on's own preferences."""
    return context.preferences.addons[ADDON].preferences


def connection_order(
    context: bpy.types.Context, *, start: bool | None = None
) -> n.Connect | n.Problem:
    """The order to connect as the preferences say, or why it cannot be given.

    Args:
        start: start a server if none answers; None: as the preferences say.
    """
    chosen = preferences(context)
    address = chosen.address.strip() or DEFAULT_ADDRESS
    local = is_loopback(address)
    if not local and not bpy.app.online_access:
        return ONLINE_ACCESS_OFF
    wanted = chosen.start_server if start is None else start
    return n.Connect(address, start=wanted and local, program=chosen.program)


def takes_folder(context: bpy.types.Context) -> Path:
    """Where the takes of the open file go; the folder may not exist yet."""
    wanted = preferences(context).folder or DEFAULT_FOLDER
    if wanted.startswith("//") and not bpy.data.filepath:
        return Path(bpy.utils.extension_path_user(ADDON, path="takes", create=True))
    return Path(bpy.path.abspath(wanted))
