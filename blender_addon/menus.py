"""Foley in the Sequencer's Strip menu and context menu."""

from __future__ import annotations

import bpy


def _draw(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.operator("sequencer.foley_generate", icon="SOUND")
    self.layout.operator("sequencer.foley_fill", text="Fill Edit with Foley…")
    self.layout.menu("SEQUENCER_MT_foley_takes")


_MENUS = ("SEQUENCER_MT_strip", "SEQUENCER_MT_context_menu")


def attach() -> None:
    for name in _MENUS:
        getattr(bpy.types, name).append(_draw)


def detach() -> None:
    for name in _MENUS:
        getattr(bpy.types, name).remove(_draw)
