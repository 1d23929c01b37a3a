"""Presets of the Foley settings, kept where Blender keeps all presets."""

from __future__ import annotations

from typing import ClassVar

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

_FOLDER = "foleyline"
_SETTINGS = "(getattr(bpy.context, 'sequencer_scene', None) or bpy.context.scene).foley"
"""Written out in every line: Blender 4.3 under Python 3.13 forgets names that a preset defines."""
_VALUES = (
    "bundle", "palette", "quality", "steps", "use_cfg_scale", "use_align_scale", "cfg_scale",
    "align_scale", "sampler", "takes", "random_seed", "loudness", "loudness_lufs", "fade_frames",
    "handle_frames", "channel", "pack",
)  # fmt: skip
"""Switches before the numbers that they reset."""


class SEQUENCER_PT_foley_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Foley Presets"
    preset_subdir = _FOLDER
    preset_operator = "script.execute_preset"
    preset_add_operator = "sequencer.foley_preset_add"

    def draw(self, context: bpy.types.Context) -> None:
        """As Blender draws presets, which complains of missing paths while there are none."""
        if bpy.utils.preset_paths(_FOLDER):
            super().draw(context)
            return
        manager = context.window_manager
        row = self.layout.row(align=True)
        row.operator_context = "EXEC_DEFAULT"
        row.prop(manager, "preset_name", text="")
        row.operator(self.preset_add_operator, text="", icon="ADD").name = manager.preset_name


class SEQUENCER_OT_foley_preset_add(AddPresetBase, bpy.types.Operator):
    """Add or remove a preset of the Foley settings"""

    bl_idname = "sequencer.foley_preset_add"
    bl_label = "Add Foley Preset"
    preset_menu = "SEQUENCER_PT_foley_presets"
    preset_subdir = _FOLDER
    preset_values: ClassVar = [f"{_SETTINGS}.{name}" for name in _VALUES]


CLASSES = (SEQUENCER_PT_foley_presets, SEQUENCER_OT_foley_preset_add)
