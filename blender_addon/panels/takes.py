"""The Takes panel: the active strip's takes, the best first, and what can be done with them."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, ClassVar, cast

import bpy

from .. import compat, take_facts
from .. import take_strips as ts
from ..words import tr
from .base import FoleyPanel


def _index(self: FoleyTakesView) -> int:
    scene = cast("Any", self.id_data)
    take = ts.active_take(scene)
    if take is None:
        return -1
    return compat.all_strips_in(scene.sequence_editor).find(take.name)


def _choose(self: FoleyTakesView, index: int) -> None:
    editor = cast("Any", self.id_data).sequence_editor
    strips = compat.all_strips_in(editor)
    if 0 <= index < len(strips):
        editor.active_strip = strips[index]


class FoleyTakesView(bpy.types.PropertyGroup):
    """What the list of takes shows."""

    index: bpy.props.IntProperty(name="Take", get=_index, set=_choose, options={"HIDDEN"})
    starred_only: bpy.props.BoolProperty(
        name="Starred Only", description="Show only takes with a star"
    )
    hide_rejected: bpy.props.BoolProperty(
        name="Hide Rejected", description="Show no takes that were rejected", default=True
    )


class SEQUENCER_UL_foley_takes(bpy.types.UIList):
    """All strips of the timeline pass by; the active strip's takes are shown."""

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: Any,  # noqa: ANN401
        take: Any,  # noqa: ANN401
        _icon: int,
        _active_data: Any,  # noqa: ANN401
        _active_property: str,
        _index: int = 0,
    ) -> None:
        record = ts.record(take)
        row = layout.row(align=True)
        row.active = not record.get("rejected")
        _draw_icon(row, "star", "SOLO_ON" if record.get("star") else "SOLO_OFF", take)
        number = row.row()
        number.ui_units_x = 1.2
        number.label(text=str(take_facts.number_of(record)))
        measured = row.split(factor=0.55)
        percent = take_facts.sync_percent(record)
        if percent is None:
            measured.label(text=take_facts.sync_text(record))
        else:
            measured.progress(factor=percent / 100, text=take_facts.sync_text(record))
        if take_facts.is_near_silent(record):
            measured.label(text=tr("Too quiet"), icon="ERROR")
        else:
            measured.label(text=take_facts.loudness_text(record))
        _draw_icon(row, "reject", "LOOP_BACK" if record.get("rejected") else "X", take)
        _draw_icon(row, "audition", "MUTE_IPO_OFF" if take.mute else "PLAY_SOUND", take)

    def filter_items(
        self,
        context: bpy.types.Context,
        data: Any,  # noqa: ANN401
        property: str,
    ) -> tuple[list[int], list[int]]:
        scene = compat.sequencer_scene(context)
        group = ts.active_group(scene)
        places = {take.name: at for at, take in enumerate(_shown(group, scene))}
        names = [strip.name for strip in getattr(data, property)]
        flags = [self.bitflag_filter_item if name in places else 0 for name in names]
        others = iter(range(len(places), len(names)))
        return flags, [places[name] if name in places else next(others) for name in names]


def _draw_icon(row: bpy.types.UILayout, what: str, icon: Any, take: Any) -> None:  # noqa: ANN401
    name = f"sequencer.foley_take_{what}"
    row.operator(name, text="", icon=icon, emboss=False).take = take.name


def _shown(group: ts.Group | None, scene: Any) -> list[Any]:  # noqa: ANN401
    if group is None:
        return []
    view = scene.foley_takes
    return group.shown(starred_only=view.starred_only, hide_rejected=view.hide_rejected)


class SEQUENCER_PT_foley_takes(FoleyPanel, bpy.types.Panel):
    bl_label = "Takes"
    bl_parent_id = "SEQUENCER_PT_foley"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        group = ts.active_group(compat.sequencer_scene(context))
        return group is not None and bool(group.takes)

    def draw(self, context: bpy.types.Context) -> None:
        layout = cast("bpy.types.UILayout", self.layout)
        scene = compat.sequencer_scene(context)
        group = ts.active_group(scene)
        if group is None or not group.takes:
            return
        _draw_heading(layout, group, scene)
        row = layout.row()
        row.template_list(
            "SEQUENCER_UL_foley_takes", "", scene.sequence_editor, compat.STRIPS_ALL,
            scene.foley_takes, "index", rows=5, maxrows=5, sort_lock=True,
        )  # fmt: skip
        side = row.column(align=True)
        step = "sequencer.foley_take_step"
        side.operator(step, text="", icon="TRIA_UP").direction = "PREVIOUS"
        side.operator(step, text="", icon="TRIA_DOWN").direction = "NEXT"
        side.separator()
        side.menu("SEQUENCER_MT_foley_takes", text="", icon="DOWNARROW_HLT")
        _draw_buttons(layout)


def _draw_heading(layout: bpy.types.UILayout, group: ts.Group, scene: Any) -> None:  # noqa: ANN401
    row = layout.row()
    shown = _shown(group, scene)
    hidden = len(group.takes) - len(shown)
    gone = "" if group.picture is not None else tr(" (strip is gone)")
    row.label(text=f"{group.name}{gone}", translate=False)
    if hidden:
        row.label(text=tr("{count} hidden", count=hidden))
    filters = row.row(align=True)
    filters.alignment = "RIGHT"
    filters.prop(scene.foley_takes, "starred_only", text="", icon="SOLO_ON")
    filters.prop(scene.foley_takes, "hide_rejected", text="", icon="FILTER")


def _draw_buttons(layout: bpy.types.UILayout) -> None:
    column = layout.column(align=True)
    row = column.row(align=True)
    row.operator("sequencer.foley_take_keep", text="Keep", icon="CHECKMARK")
    row.operator("sequencer.foley_takes_select", icon="RESTRICT_SELECT_OFF")
    row = column.row(align=True)
    row.operator("sequencer.foley_takes_new", icon="FILE_REFRESH")
    row.operator("sequencer.foley_take_vary", icon="MOD_NOISE")


class SEQUENCER_MT_foley_takes(bpy.types.Menu):
    bl_label = "Foley Takes"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = cast("bpy.types.UILayout", self.layout)
        play = layout.operator("sequencer.foley_take_audition", text="Play Take", icon="PLAY")
        play.play = True
        step = "sequencer.foley_take_step"
        layout.operator(step, text="Next Take").direction = "NEXT"
        layout.operator(step, text="Previous Take").direction = "PREVIOUS"
        layout.separator()
        layout.operator("sequencer.foley_take_star", icon="SOLO_ON")
        layout.operator("sequencer.foley_take_reject", icon="X")
        layout.operator("sequencer.foley_take_keep", icon="CHECKMARK")
        layout.separator()
        layout.operator("sequencer.foley_takes_new", icon="FILE_REFRESH")
        layout.operator("sequencer.foley_take_vary", icon="MOD_NOISE")
        layout.separator()
        layout.operator("sequencer.foley_takes_select", icon="RESTRICT_SELECT_OFF")
        layout.operator("sequencer.foley_takes_keep_heard")
        layout.operator("sequencer.foley_takes_delete_rejected", icon="TRASH")


class SEQUENCER_PT_foley_take(FoleyPanel, bpy.types.Panel):
    bl_label = "Active Take"
    bl_parent_id = "SEQUENCER_PT_foley_takes"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and ts.is_take(ts.active_take(compat.sequencer_scene(context)))

    def draw(self, context: bpy.types.Context) -> None:
        layout = cast("bpy.types.UILayout", self.layout)
        take = ts.active_take(compat.sequencer_scene(context))
        if take is None:
            return
        record = ts.record(take)
        column = layout.column(align=True)
        for text in take_facts.flag_texts(record):
            column.label(text=text, icon="INFO")
        for label, value in take_facts.detail_rows(record):
            split = column.split(factor=0.4)
            left = split.row()
            left.alignment = "RIGHT"
            left.label(text=label)
            split.label(text=value, translate=False)
        row = layout.row(align=True)
        row.operator("sequencer.foley_take_copy_seed", icon="COPYDOWN")
        row.operator("sequencer.foley_take_use_settings", icon="SETTINGS")
        folder = str(PurePath(bpy.path.abspath(take.sound.filepath)).parent) if take.sound else ""
        if folder:
            layout.operator(
                "wm.path_open", text="Show in Folder", icon="FILEBROWSER"
            ).filepath = folder


CLASSES = (
    FoleyTakesView,
    SEQUENCER_UL_foley_takes,
    SEQUENCER_PT_foley_takes,
    SEQUENCER_MT_foley_takes,
    SEQUENCER_PT_foley_take,
)


def attach() -> None:
    """Give every scene its list of takes; needs the classes registered."""
    view = bpy.props.PointerProperty(type=FoleyTakesView)
    bpy.types.Scene.foley_takes = view  # pyright: ignore[reportAttributeAccessIssue]


def detach() -> None:
    del bpy.types.Scene.foley_takes  # pyright: ignore[reportAttributeAccessIssue]
