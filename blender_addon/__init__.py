"""Foleyline: sound from picture, in Blender's Sequencer."""

import bpy

from . import handlers, keymap, menus, preferences, properties, pump, translations
from .operators import fill as fill_operators
from .operators import generate, more_takes, presets, queue, server
from .operators import takes as takes_operators
from .panels import main as main_panel
from .panels import queue as queue_panel
from .panels import takes as takes_panel

_CLASSES = (
    preferences.FoleyPreferences,
    properties.FoleySceneSettings,
    *generate.CLASSES,
    *fill_operators.CLASSES,
    *queue.CLASSES,
    *server.CLASSES,
    *presets.CLASSES,
    *takes_operators.CLASSES,
    *more_takes.CLASSES,
    *main_panel.CLASSES,
    *takes_panel.CLASSES,
    *queue_panel.CLASSES,
)
_ATTACHED = (properties, takes_panel, menus, keymap, handlers, translations)


def register() -> None:
    for kind in _CLASSES:
        bpy.utils.register_class(kind)
    for module in _ATTACHED:
        module.attach()


def unregister() -> None:
    pump.stop()
    handlers.end()
    for module in reversed(_ATTACHED):
        module.detach()
    for kind in reversed(_CLASSES):
        bpy.utils.unregister_class(kind)
