"""Fill Edit: Foley for every cut, with a preview of what that means."""

from typing import ClassVar, cast

import bpy

from foleyline_contract.requests import TAKES_MAX

from .. import compat, fill, fill_plan, generation, report, splitting
from .. import notices as n
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
    split_shots: bpy.props.BoolProperty(
        name="Split at Shots",
        description="Split long movie strips where another shot begins, and fill the pieces",
        default=False,
    )
    split_longer_s: bpy.props.FloatProperty(
        name="Longer Than",
        description="Shorter strips are not split",
        default=10,
        min=1,
        soft_max=60,
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
        made = self._plan
        if not made.chosen:
            self.report({"INFO"}, tr("Nothing to fill"))
            return {"CANCELLED"}
        changes = {"takes": self.takes} if self.takes else {}
        whole = [self._strips[index] for index in made.chosen if index not in made.long]
        begun = generation.Begun()
        if whole:
            begun = generation.begin(context, whole, changes, batch=True)
        if made.long and begun.problem is None:
            self._split_long(context, changes, begun)
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
        row = layout.row(heading="Split at Shots")
        row.prop(self, "split_shots", text="")
        longer = row.row()
        longer.active = self.split_shots
        longer.prop(self, "split_longer_s", text="")
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

    def _split_long(
        self, context: bpy.types.Context, changes: dict[str, int], begun: generation.Begun
    ) -> None:
        """Have the long strips split and filled; in the background wait until they are split."""
        long = [
            (self._strips[index], clip)
            for index in self._plan.long
            if (clip := self._cuts[index].clip) is not None
        ]
        search = splitting.begin(context, long, changes, self._options())
        if isinstance(search, n.Problem):
            begun.problem = search
        elif bpy.app.background:
            splitting.wait(search)
            if search.begun is not None:
                begun.jobs += search.begun.jobs
                begun.skipped += search.begun.skipped
                begun.problem = search.begun.problem

    def _look(self, context: bpy.types.Context) -> None:
        self._strips = fill.candidates(context, selected_only=self.scope == "SELECTED")
        self._cuts = fill.cuts(context, self._strips)
        self._seen_scope = self.scope
        self._choose()

    def _choose(self) -> None:
        self._plan = fill_plan.plan(self._cuts, self._options())

    def _options(self) -> fill_plan.Options:
        longer_s = self.split_longer_s if self.split_shots else None
        return fill_plan.Options(self.scope == "UNSCORED", self.skip_muted, self.least_s, longer_s)


CLASSES = (SEQUENCER_OT_foley_fill,)
