"""Presets of the Foley settings, kept where Blender keeps all presets."""

from __future__ import annotations

from typing import ClassVar

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

_FOLDER = "foleyline"
_VALUES = (
    "bundle", "quality", "steps", "use_cfg_scale", "use_align_scale", "cfg_scale", "align_scale",
    "sampler", "takes", "random_seed", "loudness", "loudness_lufs", "fade_frames",
    "handle_frames", "channel", "pack",
)  # fmt: skip
"""Switches before the numbers that they reset."""


class SEQUENCER_PT_foley_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Foley Presets"
    preset_subdir = _FOLDER
    preset_operator = "script.execute_preset"
    preset_add_operator = "sequencer.foley_preset_add"


class SEQUENCER_OT_foley_preset_add(AddPresetBase, bpy.types.Operator):
    """Add or remove a preset of the Foley settings"""

    bl_idname = "sequencer.foley_preset_add"
    bl_label = "Add Foley Preset"
    preset_menu = "SEQUENCER_PT_foley_presets"
    preset_subdir = _FOLDER
    preset_defines: ClassVar = [
        "foley = (getattr(bpy.context, 'sequencer_scene', None) or bpy.context.scene).foley"
    ]
    preset_values: ClassVar = [f"foley.{name}" for name in _VALUES]


CLASSES = (SEQUENCER_PT_foley_presets, SEQUENCER_OT_foley_preset_add)
