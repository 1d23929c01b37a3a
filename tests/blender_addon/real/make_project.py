"""Run by ``blender -b --python``: edit.blend with trimmed movie strips, ready for a test.

ball: 24 fps like the scene, pictures 12 to 105 visible, at frames 40 to 133 of channel 3.
half: 30 fps played at the scene's 24, from picture 20 on, at frames 220 to 299 of channel 3.
Channel 2 is taken beside ``ball``, so the nearest free one there is 4.
"""

import os
import sys
from pathlib import Path

import bpy

folder = Path.cwd()
in_module = not bpy.app.binary_path
if not in_module:
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
scene = bpy.context.scene
if getattr(bpy.context, "sequencer_scene", None) is not None:
    scene = bpy.context.sequencer_scene
scene.render.fps, scene.render.fps_base = 24, 1.0
scene.render.resolution_x, scene.render.resolution_y = 640, 360
scene.frame_end = 320
editor = scene.sequence_editor_create()
strips = getattr(editor, "strips", None)
if strips is None:
    strips = editor.sequences


NEW = bpy.app.version >= (5, 2)


def movie(name: str, file: str, start: int, left: int, right: int) -> None:
    strip = strips.new_movie(name=name, filepath=str(folder / file), channel=3, frame_start=start)
    setattr(strip, "left_handle" if NEW else "frame_final_start", left)
    setattr(strip, "right_handle" if NEW else "frame_final_end", right)


movie("ball", "ball24.mp4", 28, 40, 134)
movie("half", "ball30.mp4", 200, 220, 300)
length = {"length": 40} if bpy.app.version >= (5, 0) else {"frame_end": 100}
strips.new_effect(name="title", type="COLOR", channel=2, frame_start=60, **length)
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "edit.blend"))
sys.stdout.flush()
os._exit(0)
