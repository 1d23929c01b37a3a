"""Make an edit, fill it with Foley and render the film: all from a script, without a window.

    python examples/fill_edit.py dist/foleyline-0.1.0.zip --program .venv/bin/foley-server

Needs the bpy module (``pip install bpy==5.0.1``, for Python 3.11) and the built extension;
``scripts/demo_edit`` sets up both. It uses the add-on as an artist would: it installs the zip
into settings of its own, lays strips on the timeline, calls Fill Edit and renders.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODULE = "bl_ext.user_default.foleyline"
FPS = 24
SIZE_PX = (640, 360)
CUTS = (
    # name, first frame of the movie, frames, what is done to it
    ("Wide", 0, 72, "plain"),
    ("Close", 60, 48, "plain"),
    ("Rewind", 0, 48, "reversed"),
    ("Title", 96, 60, "title"),
    ("Again", 60, 48, "plain"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extension", type=Path, help="the zip of scripts/build_extension.py")
    parser.add_argument("--program", type=Path, help="foley-server, if it is not on the PATH")
    parser.add_argument("--address", default="tcp://127.0.0.1:19347")
    parser.add_argument("--movie", type=Path, default=Path(__file__).with_name("workshop.mp4"))
    parser.add_argument("--takes", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=Path("filled.mp4"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as settings:
        # Read when bpy is imported: the artist's own settings stay as they are.
        os.environ["BLENDER_USER_RESOURCES"] = settings
        import bpy

        install(bpy, options)
        scene = make_edit(bpy, options.movie.resolve())
        project = options.output.with_suffix(".blend").resolve()
        bpy.ops.wm.save_as_mainfile(filepath=str(project))
        print(f"Filling {len(CUTS)} cuts…", flush=True)
        bpy.ops.sequencer.foley_fill(scope="ALL", takes=options.takes)
        tell_takes(scene)
        bpy.ops.wm.save_mainfile()
        render(bpy, scene, options.output.resolve())
        print(f"The film: {options.output}\nThe edit: {project.name}, with its takes in foley/")


def install(bpy, options: argparse.Namespace) -> None:  # noqa: ANN001
    """The extension from its zip, and where its server is."""
    bpy.ops.extensions.package_install_files(
        filepath=str(options.extension.resolve()), repo="user_default", enable_on_install=True
    )
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.address = options.address
    if options.program is not None:
        preferences.program = str(options.program.resolve())


def make_edit(bpy, movie: Path):  # noqa: ANN001, ANN201
    """Cuts of one movie, one after the other; one runs backwards, one has a title over it."""
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = FPS, 1.0
    scene.render.resolution_x, scene.render.resolution_y = SIZE_PX
    scene.view_settings.view_transform = "Standard"
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    start = 1
    for name, first, frames, kind in CUTS:
        strip = strips.new_movie(name, str(movie), channel=1, frame_start=start - first)
        strip.frame_final_start, strip.frame_final_end = start, start + frames
        strip.use_reverse_frames = kind == "reversed"
        if kind == "title":
            add_title(strips, start, frames)
        start += frames
    scene.frame_start, scene.frame_end = 1, start - 1
    return scene


def add_title(strips, start: int, frames: int) -> None:  # noqa: ANN001
    ends = {"length": frames} if sys.modules["bpy"].app.version >= (5, 0) else {}
    ends = ends or {"frame_end": start + frames}
    title = strips.new_effect("Words", "TEXT", channel=2, frame_start=start, **ends)
    title.text = "Foleyline"


def tell_takes(scene) -> None:  # noqa: ANN001
    """What lies on the timeline now."""
    editor = scene.sequence_editor
    everything = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    for strip in sorted(everything, key=lambda s: (s.frame_final_start, s.channel)):
        if strip.type == "SOUND":
            heard = "muted" if strip.mute else "heard"
            span = f"{strip.frame_final_start}-{strip.frame_final_end}"
            print(f"  frames {span}, channel {strip.channel}, {heard}: {strip.name}")


def render(bpy, scene, target: Path) -> None:  # noqa: ANN001
    """The film with its sound track, as MP4."""
    picture, coding = scene.render.image_settings, scene.render.ffmpeg
    if hasattr(picture, "media_type"):
        picture.media_type = "VIDEO"
    picture.file_format = "FFMPEG"
    coding.format, coding.codec, coding.audio_codec = "MPEG4", "H264", "AAC"
    scene.render.filepath = str(target)
    scene.render.use_file_extension = False
    with silence():
        bpy.ops.render.render(animation=True)


@contextmanager
def silence() -> Iterator[None]:
    """Blender writes a line for every frame, past Python's own streams."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


if __name__ == "__main__":
    main()
