"""The keyboard shortcut in the Sequencer."""

from __future__ import annotations

import bpy

GENERATE = "sequencer.foley_generate"
_KEYMAP = "Sequencer"
_registered: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def attach() -> None:
    """Add the shortcut to the add-ons' key configuration; there is none without an interface."""
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:
        return
    keys = configuration.keymaps.new(name=_KEYMAP, space_type="SEQUENCE_EDITOR")
    item = keys.keymap_items.new(GENERATE, type="F", value="PRESS", ctrl=True, shift=True)
    _registered.append((keys, item))


def detach() -> None:
    for keys, item in _registered:
        keys.keymap_items.remove(item)
    _registered.clear()


def draw(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """The shortcut as the artist has it, ready to be changed."""
    import rna_keymap_ui  # Blender's own; there is none in the bpy module

    configuration = context.window_manager.keyconfigs.user
    keys = configuration.keymaps.get(_KEYMAP) if configuration else None
    if keys is None:
        return
    for item in keys.keymap_items:
        if item.idname == GENERATE:
            layout.context_pointer_set("keymap", keys)
            rna_keymap_ui.draw_kmi([], configuration, keys, item, layout, 0)
            return
