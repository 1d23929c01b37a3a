"""Makes an edit in Blender, each in a scene of its own; runs in Blender or the bpy module."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
from edits import movie_name

NEW = bpy.app.version >= (5, 2)
OWN_RATE = bpy.app.version < (5, 0)
"""Whether movies can be added with *Adjust Playback Rate*: later ones crash without a window."""
WIDTH_PX, HEIGHT_PX = 640, 360
OUTER_FRAMES = 2000
MIXES = {"cross": "CROSS", "glow": "GLOW", "blur": "GAUSSIAN_BLUR", "speed": "SPEED"}
_OLD_NAMES = {
    "left_handle": "frame_final_start",
    "right_handle": "frame_final_end",
    "content_start": "frame_start",
    "content_duration": "frame_duration",
    "content_trim_start": "animation_offset_start",
    "content_trim_end": "animation_offset_end",
}


@dataclass
class Built:
    """A finished edit."""

    scene: Any
    strip: Any
    """The selected one."""
    hiding: list[Any]
    """Strips that are no part of the selected one's picture."""


_CHANNELS_EACH = 16
"""Of the strips that make up one edit."""


def get(strip: Any, name: str) -> int:
    return int(getattr(strip, name if NEW else _OLD_NAMES[name]))


def put(strip: Any, name: str, value: int) -> None:
    setattr(strip, name if NEW else _OLD_NAMES[name], value)


def strips_in(owner: Any) -> Any:
    strips = getattr(owner, "strips", None)
    return owner.sequences if strips is None else strips


def new_scene(name: str, fps: Fraction) -> Any:
    scene = bpy.data.scenes.new(name)
    scene.render.resolution_x, scene.render.resolution_y = WIDTH_PX, HEIGHT_PX
    if fps.denominator == 1:
        scene.render.fps, scene.render.fps_base = fps.numerator, 1.0
    else:
        scene.render.fps, scene.render.fps_base = round(fps), float(round(fps) / fps)
    scene.sequence_editor_create()
    return scene


@contextmanager
def sequencer(scene: Any):
    """The context of a Sequencer that shows the scene, for operators."""
    window = bpy.context.window_manager.windows[0]
    window.scene = scene
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = scene
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "SEQUENCER"
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region, scene=scene):
        yield


def select_only(scene: Any, strip: Any) -> None:
    editor = scene.sequence_editor
    for other in getattr(editor, "strips_all", None) or editor.sequences_all:
        other.select = False
    strip.select = True
    editor.active_strip = strip


def effect(owner: Any, name: str, kind: str, channel: int, span: tuple[int, int], *inputs: Any):
    first, end = span
    names = ("input1", "input2") if bpy.app.version >= (4, 5) else ("seq1", "seq2")
    given = dict(zip(names, inputs, strict=False))
    length = {"length": end - first} if bpy.app.version >= (5, 0) else {"frame_end": end}
    return strips_in(owner).new_effect(
        name=name, type=kind, channel=channel, frame_start=first, **length, **given
    )


def is_at_own_rate(edit: Any) -> bool:
    return edit.at_own_rate and not edit.in_meta and OWN_RATE


def new_movie(scene: Any, owner: Any, edit: Any, folder: Path, channel: int) -> Any:
    path = str(folder / movie_name(edit.movie_fps, variable=edit.variable))
    if is_at_own_rate(edit) and owner == scene.sequence_editor:
        before = set(strips_in(owner).keys())
        with sequencer(scene):
            bpy.ops.sequencer.movie_strip_add(
                filepath=path, frame_start=edit.start_frame, channel=channel, sound=False,
                adjust_playback_rate=True, use_framerate=False, fit_method="FIT",
            )  # fmt: skip
        return next(s for s in strips_in(owner) if s.name not in before)
    return strips_in(owner).new_movie(
        name="picture", filepath=path, channel=channel, frame_start=edit.start_frame
    )


def build(edit: Any, folder: Path) -> Built:
    """Make the edit in a new scene.

    Args:
        edit: of ``edits.py``.
        folder: with the movies, and pictures in ``images``.
    """
    scene = new_scene(edit.name, edit.scene_fps)
    return build_in(scene, edit, folder)


def build_in(scene: Any, edit: Any, folder: Path, number: int = 0) -> Built:
    """Make the edit in a scene that has ``number`` others, which it must not overlap."""
    base = number * _CHANNELS_EACH
    owner = _outer_meta(scene) if edit.in_meta else scene.sequence_editor
    strip = _make(edit, scene, owner, folder, base)
    strip = _place(edit, scene, owner, strip)
    span = (get(strip, "left_handle"), get(strip, "right_handle"))
    for height, what in enumerate(edit.on_top):
        _put_on_top(what, owner, strip, span, base + 5 + height, folder)
    hiding: list[Any] = []
    if edit.hidden:
        hiding.append(_other_movie(owner, "hiding", folder, base + 12, span))
        hiding.append(_other_movie(owner, "behind", folder, base + 1, span))
    if edit.in_meta:
        outside = base + 8
        hiding.append(effect(scene.sequence_editor, "outside", "COLOR", outside, span))
    strip.mute = edit.muted
    select_only(scene, strip)
    return Built(scene, strip, hiding)


def _outer_meta(scene: Any) -> Any:
    """A meta strip that is open; it mirrors, which shall not be seen."""
    strips = strips_in(scene.sequence_editor)
    meta = strips.get("outer")
    if meta is None:
        meta = strips.new_meta(name="outer", channel=2, frame_start=0)
        put(meta, "right_handle", OUTER_FRAMES)
        meta.use_flip_x = True
        scene.sequence_editor.display_stack(meta)
    return meta


def _other_movie(owner: Any, name: str, folder: Path, channel: int, span: tuple[int, int]) -> Any:
    movie = strips_in(owner).new_movie(
        name=name, filepath=str(folder / movie_name(Fraction(24))), channel=channel,
        frame_start=span[0] - 100,
    )  # fmt: skip
    put(movie, "left_handle", span[0])
    put(movie, "right_handle", span[1])
    return movie


def _make(edit: Any, scene: Any, owner: Any, folder: Path, base: int) -> Any:
    start, channel = edit.start_frame, base + 4
    span = (start, start + max(edit.length + edit.cut_head, 10))
    if edit.kind == "movie":
        return new_movie(scene, owner, edit, folder, channel)
    if edit.kind in MIXES:
        under = new_movie(scene, owner, edit, folder, base + 2)
        inputs = [under]
        if edit.kind == "cross":
            inputs.append(_other_movie(owner, "second", folder, base + 3, span))
        strip = effect(owner, edit.kind, MIXES[edit.kind], channel, span, *inputs)
        if edit.kind == "speed":
            strip.speed_control, strip.speed_factor = "MULTIPLY", 0.5
        return strip
    if edit.kind == "adjustment":
        new_movie(scene, owner, edit, folder, base + 2)
        strip = effect(owner, "adjustment", "ADJUSTMENT", channel, span)
        strip.use_flip_x = True
        return strip
    if edit.kind in ("colour", "text"):
        return effect(owner, edit.kind, edit.kind.upper().replace("UR", "R"), channel, span)
    return _make_of_data(edit, owner, folder, span, channel)


def _make_of_data(edit: Any, owner: Any, folder: Path, span: Any, channel: int) -> Any:
    """Strips that show something else than a movie file."""
    strips, (start, end) = strips_in(owner), span
    images = sorted((folder / "images").iterdir())
    if edit.kind in ("image", "sequence"):
        strip = strips.new_image(
            name=edit.kind, filepath=str(images[7]), channel=channel, frame_start=start
        )
        for path in images[8:100] if edit.kind == "sequence" else ():
            strip.elements.append(path.name)
        return strip
    if edit.kind == "scene":
        inner = new_scene(f"{edit.name} inner", edit.scene_fps)
        new_movie(inner, inner.sequence_editor, edit, folder, 1)
        inner.frame_start, inner.frame_end = start, start + 120
        strip = strips.new_scene(name="scene", scene=inner, channel=channel, frame_start=start)
        strip.scene_input = "SEQUENCER"
        return strip
    if edit.kind == "3d":
        return strips.new_scene(name="3d", scene=_solid(), channel=channel, frame_start=start)
    if edit.kind == "meta":
        meta = strips.new_meta(name="meta", channel=channel, frame_start=start)
        new_movie(None, meta, edit, folder, 1)
        put(meta, "right_handle", start + 120)
        return meta
    if edit.kind == "movieclip":
        path = folder / movie_name(edit.movie_fps, variable=edit.variable)
        clip = bpy.data.movieclips.load(str(path))
        return strips.new_clip(name="clip", clip=clip, channel=channel, frame_start=start)
    mask = bpy.data.masks.new("mask")
    strip = strips.new_mask(name="mask", mask=mask, channel=channel, frame_start=start)
    put(strip, "right_handle", end)
    return strip


def _solid() -> Any:
    """A scene of the scene's size with a plane that fills a corner, in Workbench."""
    scene = bpy.data.scenes.new("solid")
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH_PX, HEIGHT_PX
    scene.frame_end = 3
    mesh = bpy.data.meshes.new("plane")
    mesh.from_pydata([(0, 0, 0), (9, 0, 0), (9, 9, 0), (0, 9, 0)], [], [(0, 1, 2, 3)])
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location.z = 10
    for thing in (bpy.data.objects.new("plane", mesh), camera):
        scene.collection.objects.link(thing)
    scene.camera = camera
    return scene


def _place(edit: Any, scene: Any, owner: Any, strip: Any) -> Any:
    """Retime, trim, slip, split and look: in the order in which an artist would."""
    if edit.trim_start or edit.trim_end:
        put(strip, "content_trim_start", edit.trim_start)
        put(strip, "content_trim_end", edit.trim_end)
    if edit.speed_percent != 100 or edit.kink:
        select_only(scene, strip)
        with sequencer(scene):
            bpy.ops.sequencer.retiming_segment_speed_set(speed=edit.speed_percent)
            if edit.kink:
                middle = (get(strip, "left_handle") + get(strip, "right_handle")) // 2
                bpy.ops.sequencer.retiming_key_add(timeline_frame=middle)
        if edit.kink:
            strip.retiming_keys[1].timeline_frame += edit.kink
    if edit.kind not in MIXES:  # their handles are their inputs'
        _trim(edit, strip)
    if edit.reversed:
        strip.use_reverse_frames = True
    if edit.strobe != 1:
        strip.strobe = edit.strobe
    strip.use_flip_x = strip.use_flip_x or edit.flip
    strip.crop.min_x = edit.crop_px
    strip.transform.scale_x *= edit.scale
    strip.transform.scale_y *= edit.scale
    strip.blend_alpha = edit.opacity
    if edit.split_at:
        frame = get(strip, "left_handle") + edit.split_at
        strip = strip.split(frame=frame, split_method="SOFT")
    return strip


def _trim(edit: Any, strip: Any) -> None:
    first = get(strip, "content_start") + edit.cut_head
    if get(strip, "right_handle") > first + edit.length or edit.cut_head > 200:
        put(strip, "right_handle", first + edit.length)
    put(strip, "left_handle", first)
    if edit.slip:
        handles = {name: get(strip, name) for name in ("left_handle", "right_handle")}
        put(strip, "content_start", get(strip, "content_start") + edit.slip)
        for name, frame in handles.items():
            put(strip, name, frame)


def _put_on_top(what: str, owner: Any, strip: Any, span: Any, channel: int, folder: Path) -> None:
    if what == "text":
        effect(owner, "title", "TEXT", channel, span).text = "FOLEY"
    elif what == "blur":
        effect(owner, "over", "GAUSSIAN_BLUR", channel, span, strip).size_x = 8
    elif what == "cross":
        tail = (span[1] - 8, span[1])
        below = channel // _CHANNELS_EACH * _CHANNELS_EACH + 3
        other = _other_movie(owner, "next", folder, below, tail)
        effect(owner, "dissolve", "CROSS", channel, tail, strip, other)
    else:
        over = effect(owner, what, "ADJUSTMENT", channel, span)
        if what == "mirror":
            over.use_flip_x = True
        else:
            over.modifiers.new("grade", "BRIGHT_CONTRAST").bright = 20
