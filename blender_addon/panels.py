"""The Foley panels in the Sequencer's sidebar. They draw; they decide and fetch nothing."""

from __future__ import annotations

from time import perf_counter
from typing import Any, ClassVar, cast

import bpy

from . import compat, report, strips
from .board import Link
from .pump import link

_CHAR_WIDTH_PX = 7.2
_TEXT_MARGIN_PX = 60


class _FoleyPanel:
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Foley"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        shows_timeline = context.space_data.view_type in {"SEQUENCER", "SEQUENCER_PREVIEW"}
        return shows_timeline and compat.sequencer_scene(context) is not None


class SEQUENCER_PT_foley(_FoleyPanel, bpy.types.Panel):
    bl_label = "Foley"

    def draw(self, context: bpy.types.Context) -> None:
        layout = cast("bpy.types.UILayout", self.layout)
        board = link.board
        state = report.link_text(board)
        row = layout.row()
        row.label(text=state.text, icon=state.icon)
        if board.link is Link.OFF:
            row.operator("foleyline.connect", text="Connect")
        if board.busy:
            _draw_progress(layout)
        else:
            row = layout.row()
            row.scale_y = 1.5
            row.operator("sequencer.foley_generate", icon="SOUND")
        if board.problem is not None and not board.busy:
            _draw_problem(layout, context)
        _draw_settings(layout, compat.sequencer_scene(context).foley)


def _draw_progress(layout: bpy.types.UILayout) -> None:
    board = link.board
    if not board.connecting:
        layout.label(text=report.stage_text(board))
        text = report.progress_text(board, perf_counter())
        layout.progress(factor=board.fraction, text=text)
    row = layout.row()
    row.scale_y = 1.5
    current = board.current
    row.enabled = current is not None and not current.cancelling
    row.operator("sequencer.foley_cancel", icon="X")


def _draw_problem(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    problem = link.board.problem
    if problem is None:
        return
    box = layout.box().column(align=True)
    scale = context.preferences.system.ui_scale
    width_chars = int((context.region.width / scale - _TEXT_MARGIN_PX) / _CHAR_WIDTH_PX)
    lines = report.wrap(problem.message, width_chars) + report.wrap(problem.remedy, width_chars)
    for number, line in enumerate(lines):
        box.label(text=line, icon="ERROR" if number == 0 else "BLANK1")
    advice = report.advice_for(problem)
    if advice.operator == report.CONNECT:
        box.separator()
        box.operator(advice.operator, text=advice.label, icon="FILE_REFRESH").start = advice.start
    elif advice.operator is not None:
        box.separator()
        box.operator(advice.operator, text=advice.label, icon="PREFERENCES")


def _draw_settings(layout: bpy.types.UILayout, settings: Any) -> None:  # noqa: ANN401
    column = layout.column()
    column.enabled = not link.board.busy
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(settings, "takes")
    row = column.row(align=True)
    seed = row.row(align=True)
    seed.active = not settings.random_seed
    seed.prop(settings, "seed")
    row.prop(settings, "random_seed", text="", icon="FILE_REFRESH")


class SEQUENCER_PT_foley_advanced(_FoleyPanel, bpy.types.Panel):
    bl_label = "Advanced"
    bl_parent_id = "SEQUENCER_PT_foley"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = not link.board.busy
        board = link.board
        settings = compat.sequencer_scene(context).foley
        layout.prop(settings, "bundle", icon="SOUND")
        layout.prop(settings, "steps", text="Steps" if settings.steps else "Steps (Default)")
        for name in ("cfg_scale", "align_scale"):
            heading = settings.bl_rna.properties[name].name
            row = layout.row(heading=heading, align=True)
            row.prop(settings, f"use_{name}", text="")
            value = row.row(align=True)
            value.active = getattr(settings, f"use_{name}")
            value.prop(settings, name, text="")
        defaults = report.bundle_text(board.bundles, settings.bundle, board.default_bundle)
        if defaults:
            layout.label(text=f"Model: {defaults}")


class SEQUENCER_PT_foley_take(_FoleyPanel, bpy.types.Panel):
    bl_label = "Active Take"
    bl_parent_id = "SEQUENCER_PT_foley"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and strips.active_record(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        record = strips.active_record(context)
        layout = self.layout
        column = layout.column(align=True)
        for label, value in report.take_rows(record):
            split = column.split(factor=0.4)
            split.alignment = "RIGHT"
            split.label(text=label)
            split.label(text=value)
        operator = layout.operator("foleyline.use_seed", icon="FILE_REFRESH")
        operator.seed = record.get("seed", 0)


CLASSES = (SEQUENCER_PT_foley, SEQUENCER_PT_foley_advanced, SEQUENCER_PT_foley_take)
