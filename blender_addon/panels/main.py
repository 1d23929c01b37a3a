"""The Foley panel: the server, the button, the progress, and the settings most often changed."""

from __future__ import annotations

from time import perf_counter
from typing import Any, ClassVar, cast

import bpy

from .. import choices, compat, report
from ..board import Board, Link
from ..link import link
from ..operators.presets import SEQUENCER_PT_foley_presets
from .base import FoleyPanel, draw_problem


class SEQUENCER_PT_foley(FoleyPanel, bpy.types.Panel):
    bl_label = "Foley"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        SEQUENCER_PT_foley_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        layout = cast("bpy.types.UILayout", self.layout)
        board = link.board
        _draw_state(layout.row(align=True), board)
        column = layout.column(align=True)
        column.scale_y = 1.5
        column.operator("sequencer.foley_generate", icon="SOUND")
        row = column.row(align=True)
        row.operator_context = "INVOKE_DEFAULT"
        row.operator("sequencer.foley_fill", icon="SEQ_STRIP_DUPLICATE", text="Fill Edit…")
        if board.problem is not None:
            draw_problem(layout, context, board.problem)
        _draw_settings(layout, compat.sequencer_scene(context).foley)


def _draw_state(row: bpy.types.UILayout, board: Board) -> None:
    """The connection or, in the same place so that nothing below moves, the progress."""
    if board.is_searching:
        done, count = board.search
        row.progress(factor=done / count, text=report.search_text(board))
    elif board.busy and board.link is Link.READY:
        row.progress(factor=board.fraction, text=report.total_text(board, perf_counter()))
    else:
        state = report.link_text(board)
        row.label(text=state.text, icon=state.icon, translate=False)
    if board.busy or board.is_searching:
        row.operator("sequencer.foley_cancel", text="", icon="X")
    elif board.link in (Link.OFF, Link.FAILED):
        row.operator("foleyline.connect", text="Connect")


def _draw_settings(layout: bpy.types.UILayout, settings: Any) -> None:  # noqa: ANN401
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(settings, "model")
    _draw_sound(column, settings)
    column.prop(settings, "quality")
    column.prop(settings, "takes")
    row = column.row(align=True)
    seed = row.row(align=True)
    seed.active = not settings.random_seed
    seed.prop(settings, "seed")
    row.prop(settings, "random_seed", text="", icon="FILE_REFRESH")


def _draw_sound(column: bpy.types.UILayout, settings: Any) -> None:  # noqa: ANN401
    board = link.board
    row = column.row()
    row.enabled = choices.palette(board, settings.bundle) != ()
    row.prop(settings, "sound")
    hint = choices.sound_hint(board, settings.bundle, settings.palette)
    if hint:
        row.alert = row.enabled
        column.label(text=hint, icon="INFO", translate=False)


class SEQUENCER_PT_foley_advanced(FoleyPanel, bpy.types.Panel):
    bl_label = "Advanced"
    bl_parent_id = "SEQUENCER_PT_foley"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        board = link.board
        settings = compat.sequencer_scene(context).foley
        if settings.quality == "CUSTOM":
            layout.prop(settings, "steps")
        for name in ("cfg_scale", "align_scale"):
            heading = settings.bl_rna.properties[name].name
            row = layout.row(heading=heading, align=True)
            row.prop(settings, f"use_{name}", text="")
            if getattr(settings, f"use_{name}"):
                row.prop(settings, name, text="")
            else:
                row.label(text="Model's Own")
        layout.prop(settings, "sampler")
        own = report.bundle_text(board.bundles, settings.bundle, board.default_bundle)
        if own:
            layout.label(text=own, icon="INFO", translate=False)


class SEQUENCER_PT_foley_output(FoleyPanel, bpy.types.Panel):
    bl_label = "Output"
    bl_parent_id = "SEQUENCER_PT_foley"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = compat.sequencer_scene(context).foley
        layout.prop(settings, "loudness")
        if settings.loudness == "CUSTOM":
            layout.prop(settings, "loudness_lufs")
        column = layout.column(align=True)
        column.prop(settings, "fade_frames")
        column.prop(settings, "handle_frames")
        layout.prop(settings, "channel")
        layout.prop(settings, "output", text="Files")
        layout.prop(settings, "pack")


CLASSES = (SEQUENCER_PT_foley, SEQUENCER_PT_foley_advanced, SEQUENCER_PT_foley_output)
