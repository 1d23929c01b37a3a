"""The edits of ``drive_day.py``: one long cut, and a film of thirty-three, three of them unfit."""

import os
import shutil
from pathlib import Path

import bpy
from desk import part, scene, select

WORKSHOP = Path(__file__).resolve().parents[3] / "examples" / "workshop.mp4"
MOVIE, BORROWED, GONE = (Path.cwd() / f"{name}.mp4" for name in ("workshop", "borrowed", "gone"))
"""Copies of it: one that stays, one that can be moved away, one that is not there any more."""
FPS, MOVIE_FRAMES = 24, 192
CUTS = 33
KINDS = {
    4: "reversed", 7: "title", 9: "meta", 11: "images", 13: "fast", 15: "mirrored", 19: "strobe",
    21: "scene", 23: "reversed", 22: "muted", 24: "short", 26: "gone",
}  # fmt: skip
"""By the cut's number; the others are plain movies, trimmed."""
UNFIT = ("cut 22", "cut 24", "cut 26")
TWINS = {5: 3, 28: 3}
"""Cuts that show the very same as another."""
PICTURE, ABOVE, ASIDE = 4, 5, 20
"""Channels; strips that are too long yet are put aside."""


def add_movie(name: str, path: Path, start: int, first: int, frames: int, *, owner=None):
    """A movie strip at a frame of the timeline; of its movie, ``frames`` from ``first`` on."""
    compat = part("compat")
    owner = owner or scene().sequence_editor_create()
    strip = compat.strips_in(owner).new_movie(
        name=name, filepath=str(path), channel=ASIDE, frame_start=start - first
    )
    compat.set_timing(strip, "right_handle", start + frames)
    compat.set_timing(strip, "left_handle", start)
    strip.channel = PICTURE
    return strip


def new_file() -> None:
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    scene().render.fps, scene().render.fps_base = FPS, 1.0
    scene().render.resolution_x, scene().render.resolution_y = 640, 360
    scene().view_settings.view_transform = "Standard"
    scene().sequence_editor_create()
    for copy in (MOVIE, BORROWED, GONE):
        shutil.copyfile(WORKSHOP, copy)


def save(name: str) -> None:
    """Save a file for the first time, which makes its paths relative to it."""
    bpy.ops.wm.save_as_mainfile(filepath=str(Path.cwd() / name))


def one_cut() -> None:
    """The shipped clip, 8 seconds, and a movie of the test's own that can be moved away."""
    new_file()
    add_movie("workshop", MOVIE, 1, 0, MOVIE_FRAMES)
    add_movie("borrowed", BORROWED, 240, 30, 48)
    scene().frame_end, scene().frame_current = 300, 60
    save("one.blend")


def film() -> None:
    """Thirty-three cuts, one after the other, of all kinds."""
    new_file()
    Path("stills").mkdir(exist_ok=True)
    os.system(f"ffmpeg -loglevel error -y -i {MOVIE} -frames:v 60 stills/%03d.png")
    start = 1
    for number in range(CUTS):
        source = TWINS.get(number, number)
        first, frames = source * 37 % 140, 22 + source * 11 % 30
        kind = KINDS.get(number, "plain")
        frames = 8 if kind == "short" else frames
        _CUTTERS.get(kind, _movie)(f"cut {number}", kind, start, first, frames)
        start += frames
    scene().frame_end, scene().frame_current = start - 1, 100
    save("film.blend")
    GONE.unlink()


def _movie(name: str, kind: str, start: int, first: int, frames: int) -> None:
    strip = add_movie(name, GONE if kind == "gone" else MOVIE, start, first, frames)
    strip.use_reverse_frames = kind == "reversed"
    strip.use_flip_x = kind == "mirrored"
    strip.strobe = 4.0 if kind == "strobe" else 1.0
    strip.mute = kind == "muted"
    if kind == "fast":
        _speed_up(strip, start, frames)


def _speed_up(strip, start: int, frames: int) -> None:
    select(strip.name)
    window = bpy.context.window_manager.windows[0]
    area = next(
        a
        for a in window.screen.areas
        if a.type == "SEQUENCE_EDITOR" and a.spaces.active.view_type == "SEQUENCER"
    )
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        strip.channel = ASIDE
        bpy.ops.sequencer.retiming_segment_speed_set(speed=150.0)
    part("compat").set_timing(strip, "right_handle", start + frames)
    part("compat").set_timing(strip, "left_handle", start)
    strip.channel = PICTURE


def _title(name: str, _kind: str, start: int, first: int, frames: int) -> None:
    add_movie(name, MOVIE, start, first, frames)
    length = {"length": frames} if bpy.app.version >= (5, 0) else {"frame_end": start + frames}
    text = part("compat").strips_in(scene().sequence_editor).new_effect(
        name="title", type="TEXT", channel=ABOVE, frame_start=start, **length
    )  # fmt: skip
    text.text = "The Workshop"


def _meta(name: str, _kind: str, start: int, first: int, frames: int) -> None:
    compat = part("compat")
    editor = scene().sequence_editor
    meta = compat.strips_in(editor).new_meta(name=name, channel=PICTURE, frame_start=start)
    add_movie("inside", MOVIE, start, first, frames, owner=meta)
    compat.set_timing(meta, "right_handle", start + frames)


def _images(name: str, _kind: str, start: int, _first: int, frames: int) -> None:
    paths = sorted(Path("stills").absolute().iterdir())[:frames]
    strip = part("compat").strips_in(scene().sequence_editor).new_image(
        name=name, filepath=str(paths[0]), channel=PICTURE, frame_start=start
    )  # fmt: skip
    for path in paths[1:]:
        strip.elements.append(path.name)


def _scene(name: str, _kind: str, start: int, first: int, frames: int) -> None:
    inner = bpy.data.scenes.new("inner")
    inner.render.fps, inner.render.resolution_x, inner.render.resolution_y = FPS, 640, 360
    add_movie("far", MOVIE, 1, first, frames, owner=inner.sequence_editor_create())
    inner.frame_start, inner.frame_end = 1, frames
    strip = part("compat").strips_in(scene().sequence_editor).new_scene(
        name=name, scene=inner, channel=PICTURE, frame_start=start
    )  # fmt: skip
    strip.scene_input = "SEQUENCER"


_CUTTERS = {"title": _title, "meta": _meta, "images": _images, "scene": _scene}
