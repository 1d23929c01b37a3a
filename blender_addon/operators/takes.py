"""What an artist does with takes: listen, star, reject, keep."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy

from .. import compat, take_facts
from .. import take_strips as ts
from ..words import several, tip
from .target import ForGroup, ForTake


class SEQUENCER_OT_foley_take_audition(ForTake):
    """Hear this take alone: its others are muted and the playhead goes to its start"""

    bl_idname = "sequencer.foley_take_audition"
    bl_label = "Audition Take"

    play: bpy.props.BoolProperty(
        name="Play", description="Start playback if it does not run", options={"SKIP_SAVE"}
    )

    def act(self, context: bpy.types.Context, group: ts.Group, take: Any) -> set[str]:  # noqa: ANN401
        ts.solo(group, take)
        _make_active(group, take)
        group.scene.frame_current = ts.span(take).first_frame
        if self.play and context.screen is not None and not context.screen.is_animation_playing:
            bpy.ops.screen.animation_play()
        return {"FINISHED"}


class SEQUENCER_OT_foley_take_step(ForGroup):
    """Hear the next or the previous take of the list alone; rejected ones are passed over"""

    bl_idname = "sequencer.foley_take_step"
    bl_label = "Next Take"

    direction: bpy.props.EnumProperty(
        name="Direction",
        items=(("NEXT", "Next", "Down the list"), ("PREVIOUS", "Previous", "Up the list")),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(
        cls, _context: bpy.types.Context, properties: SEQUENCER_OT_foley_take_step
    ) -> str:
        if properties.direction == "PREVIOUS":
            return tip("Hear the previous take of the list alone; rejected ones are passed over")
        return tip("Hear the next take of the list alone; rejected ones are passed over")

    def act(self, context: bpy.types.Context, group: ts.Group) -> set[str]:
        first_pieces: dict[tuple[str, int, int], Any] = {}
        for take in group.shown():
            first_pieces.setdefault(take_facts.identity(ts.record(take)), take)
        takes, keys = list(first_pieces.values()), list(first_pieces)
        if not takes:
            return self.refuse(tip("All takes of '{name}' are rejected.", name=group.name))
        here = take_facts.identity(ts.record(ts.active_take(group.scene) or group.heard()))
        step = 1 if self.direction == "NEXT" else -1
        at = (keys.index(here) + step) % len(takes) if here in keys else 0
        ts.solo(group, takes[at])
        _make_active(group, takes[at])
        return {"FINISHED"}


class SEQUENCER_OT_foley_take_star(ForTake):
    """Star this take, or take its star away; new takes do not silence a starred one"""

    bl_idname = "sequencer.foley_take_star"
    bl_label = "Star Take"

    def act(self, _context: bpy.types.Context, group: ts.Group, take: Any) -> set[str]:  # noqa: ANN401
        ts.mark(group, take, "star", not ts.record(take).get("star"))
        return {"FINISHED"}


class SEQUENCER_OT_foley_take_reject(ForTake):
    """Mute this take and hide it from the list, or take it back"""

    bl_idname = "sequencer.foley_take_reject"
    bl_label = "Reject Take"

    def act(self, _context: bpy.types.Context, group: ts.Group, take: Any) -> set[str]:  # noqa: ANN401
        rejected = not ts.record(take).get("rejected")
        was_heard = not take.mute
        ts.mark(group, take, "rejected", rejected)
        if rejected and was_heard:
            ts.solo(group, next(iter(group.shown()), None))
        return {"FINISHED"}


class SEQUENCER_OT_foley_take_keep(ForTake):
    """Keep this take and remove the others from the timeline; their files stay on disk"""

    bl_idname = "sequencer.foley_take_keep"
    bl_label = "Keep Take"

    def act(self, _context: bpy.types.Context, group: ts.Group, take: Any) -> set[str]:  # noqa: ANN401
        gone = _keep(group, take)
        self.report(
            {"INFO"},
            several(
                gone,
                "Kept '{name}'; one other take removed, its file stays",
                "Kept '{name}'; {count} other takes removed, their files stay",
                name=take.name,
            ),
        )
        return {"FINISHED"}


class SEQUENCER_OT_foley_takes_keep_heard(bpy.types.Operator):
    """Keep the heard take of every selected strip and remove the others; their files stay"""

    bl_idname = "sequencer.foley_takes_keep_heard"
    bl_label = "Keep Heard Takes"
    bl_options: ClassVar = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if compat.sequencer_scene(context) is None or not ts.selected_groups(context):
            cls.poll_message_set("Select strips that have takes")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        names = [(g.picture or g.takes[0]).name for g in ts.selected_groups(context)]
        gone = 0
        for name in names:
            # Found anew each time: halves of a split strip may have lost takes in common.
            group = ts.group_of_any(scene, ts.named(scene, name))
            if group is not None and group.takes:
                best = next(iter(group.shown()), group.takes[0])
                gone += _keep(group, group.heard() or best)
        text = "Kept one take for {strips} strips; {count} others removed, their files stay"
        self.report({"INFO"}, tip(text, strips=len(names), count=gone))
        return {"FINISHED"}


class SEQUENCER_OT_foley_takes_delete_rejected(ForGroup):
    """Remove the rejected takes from the timeline; their files stay on disk"""

    bl_idname = "sequencer.foley_takes_delete_rejected"
    bl_label = "Delete Rejected Takes"

    def act(self, context: bpy.types.Context, group: ts.Group) -> set[str]:
        gone = ts.remove(t for t in group.takes if ts.record(t).get("rejected"))
        if not gone:
            return self.refuse(tip("No take of '{name}' is rejected.", name=group.name))
        self.report({"INFO"}, several(gone, "One take removed", "{count} takes removed"))
        return {"FINISHED"}


class SEQUENCER_OT_foley_takes_select(ForGroup):
    """Select the strip together with its takes, to move or delete them as one"""

    bl_idname = "sequencer.foley_takes_select"
    bl_label = "Select with Takes"

    def act(self, context: bpy.types.Context, group: ts.Group) -> set[str]:
        for strip in (group.picture, *group.takes):
            if strip is not None:
                strip.select = True
        return {"FINISHED"}


# ---- shared ----------------------------------------------------------------------------


def _keep(group: ts.Group, take: Any) -> int:  # noqa: ANN401
    """How many takes were removed; pieces of one count as one."""
    wanted = take_facts.identity(ts.record(take))
    ts.mark(group, take, "kept", True)
    ts.mark(group, take, "rejected", False)
    ts.solo(group, take)
    _make_active(group, take)
    others = [t for t in group.takes if take_facts.identity(ts.record(t)) != wanted]
    gone = {take_facts.identity(ts.record(t)) for t in others}
    ts.remove(others)
    return len(gone)


def _make_active(group: ts.Group, take: Any) -> None:  # noqa: ANN401
    """The list stays where it is, and the strip's own panel shows the take's volume."""
    group.scene.sequence_editor.active_strip = take


CLASSES = (
    SEQUENCER_OT_foley_take_audition,
    SEQUENCER_OT_foley_take_step,
    SEQUENCER_OT_foley_take_star,
    SEQUENCER_OT_foley_take_reject,
    SEQUENCER_OT_foley_take_keep,
    SEQUENCER_OT_foley_takes_keep_heard,
    SEQUENCER_OT_foley_takes_delete_rejected,
    SEQUENCER_OT_foley_takes_select,
)
