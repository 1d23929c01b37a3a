"""What all Foley panels have in common."""

from __future__ import annotations

import bpy

from .. import compat, report
from .. import notices as n

_CHAR_WIDTH_PX = 6.8
_TEXT_MARGIN_PX = 54


class FoleyPanel:
    """A panel of the Foley tab, shown beside a timeline."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Foley"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        shows_timeline = context.space_data.view_type in {"SEQUENCER", "SEQUENCER_PREVIEW"}
        return shows_timeline and compat.sequencer_scene(context) is not None


def draw_problem(
    layout: bpy.types.UILayout, context: bpy.types.Context, problem: n.Problem
) -> None:
    """What happened, what to do, and the button for that where there is one."""
    box = layout.box().column(align=True)
    scale = context.preferences.system.ui_scale
    width_chars = int((context.region.width / scale - _TEXT_MARGIN_PX) / _CHAR_WIDTH_PX)
    advice = report.advice_for(problem)
    for number, line in enumerate(report.wrap(advice.text, width_chars)):
        box.label(text=line, icon="ERROR" if number == 0 else "BLANK1", translate=False)
    if advice.operator == report.CONNECT:
        box.separator()
        box.operator(
            advice.operator, text=advice.label, icon="FILE_REFRESH", translate=False
        ).start = advice.start
    elif advice.operator is not None:
        box.separator()
        box.operator(advice.operator, text=advice.label, icon="PREFERENCES", translate=False)
