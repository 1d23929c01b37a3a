"""Fill Edit: Foley for every cut, with a preview of what that means."""

from typing import ClassVar, cast

import bpy

from foleyline_contract.requests import TAKES_MAX

from .. import compat, fill, fill_plan, generation, report
from ..link import link
from ..words import several, tr
from .generate import tell, wait_for

_LISTED = 6
"""Skipped cuts that the preview names."""
_WIDTH_PX = 420
_WRAP_CHARS = 62


class SEQUENCER_OT_foley_fill(bpy.types.Operator):
    """Generate Foley for all cuts of the timeline, after a preview of what will be done"""

    bl_idname = "sequencer.foley_fill"
    bl_label = "Fill Edit"
    bl_options: ClassVar = set()

    scope: bpy.props.EnumProperty(
        name="Cuts",
        description="Which strips of the open timeline to fill",
        items=(
            ("UNSCORED", "Without Takes", "All cuts that have no take yet"),
            ("ALL", "All", "All cuts; those with takes get more"),
            ("SELECTED", "Selected", "The selected strips"),
        ),
    )
    skip_muted: bpy.props.BoolProperty(
        name="Skip Muted",
        description="Leave out strips that are muted, or on a muted channel",
        default=True,
    )
    least_s: bpy.props.FloatProperty(
        name="Minimum Length",
        description="Leave out shorter strips",
        default=0.5,
        min=0,
        soft_max=10,
        subtype="TIME_ABSOLUTE",
    )
    takes: bpy.props.IntProperty(
        name="Takes",
        description="How many takes to make of each; 0: as set in the panel",
        default=0,
        min=0,
        max=TAKES_MAX,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        scene = compat.sequencer_scene(context)
        editor = scene.sequence_editor if scene else None
        if editor is None or not len(compat.strips_in(editor)):
            cls.poll_message_set("There are no strips to fill")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begin; in the background wait for the result, as scripts want it."""
        self._look(context)
        chosen = [self._strips[index] for index in self._plan.chosen]
        if not chosen:
            self.report({"INFO"}, tr("Nothing to fill"))
            return {"CANCELLED"}
        changes = {"takes": self.takes} if self.takes else {}
        begun = generation.begin(context, chosen, changes, batch=True)
        begun.skipped += [f"'{name}': {reason}." for name, reason in self._plan.skipped[:1]]
        if bpy.app.background:
            return wait_for(self, begun)
        begun.skipped.clear()  # the preview has told
        return tell(self, begun)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not self.properties.is_property_set("takes"):
            self.takes = generation.scene_settings(context).takes
        self._look(context)
        return context.window_manager.invoke_props_dialog(
            self, width=_WIDTH_PX, confirm_text=tr("Fill Edit")
        )

    def check(self, context: bpy.types.Context) -> bool:
        """An option was changed: choose again; strips are looked at only if others are meant."""
        if self._seen_scope != self.scope:
            self._look(context)
        else:
            self._choose()
        return True

    def draw(self, context: bpy.types.Context) -> None:
        layout = cast("bpy.types.UILayout", self.layout)
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("scope", "least_s", "skip_muted", "takes"):
            layout.prop(self, name)
        box = layout.box().column(align=True)
        settings = generation.scene_settings(context)
        takes = self.takes or settings.takes
        time_s = fill_plan.estimate_s(
            self._plan,
            link.board.bundle(settings.bundle),
            takes=takes,
            quality=settings.quality_name(),
            steps=settings.steps,
        )
        for number, line in enumerate(fill_plan.summary(self._plan, time_s, takes)):
            box.label(text=line, icon="INFO" if number == 0 else "BLANK1", translate=False)
        self._draw_skipped(layout)

    def _draw_skipped(self, layout: bpy.types.UILayout) -> None:
        skipped = self._plan.skipped
        if not skipped:
            return
        column = layout.column(align=True)
        column.label(
            text=several(len(skipped), "1 cut is left out:", "{count} cuts are left out:"),
            translate=False,
        )
        for name, reason in skipped[:_LISTED]:
            for line in report.wrap(f"{name}: {reason}", _WRAP_CHARS):
                column.label(text=line, icon="BLANK1", translate=False)
        if len(skipped) > _LISTED:
            column.label(text="…", icon="BLANK1", translate=False)

    def _look(self, context: bpy.types.Context) -> None:
        self._strips = fill.candidates(context, selected_only=self.scope == "SELECTED")
        self._cuts = fill.cuts(context, self._strips)
        self._seen_scope = self.scope
        self._choose()

    def _choose(self) -> None:
        options = fill_plan.Options(self.scope == "UNSCORED", self.skip_muted, self.least_s)
        self._plan = fill_plan.plan(self._cuts, options)


CLASSES = (SEQUENCER_OT_foley_fill,)
