"""Foleyline: sound from picture, in Blender's Sequencer."""

import bpy

from . import menus, panels, preferences, properties
from .operators import generate, server
from .pump import link

_CLASSES = (
    preferences.FoleyPreferences,
    properties.FoleySceneSettings,
    *generate.CLASSES,
    *server.CLASSES,
    *panels.CLASSES,
)


def register() -> None:
    for kind in _CLASSES:
        bpy.utils.register_class(kind)
    properties.attach()
    menus.attach()
    bpy.app.handlers.load_pre.append(generate.abandon_on_load)


def unregister() -> None:
    bpy.app.handlers.load_pre.remove(generate.abandon_on_load)
    generate.abandon_running()
    link.close()
    menus.detach()
    properties.detach()
    for kind in reversed(_CLASSES):
        bpy.utils.unregister_class(kind)
