"""Scenes in true three dimensions: rigid bodies simulated and rendered by Blender.

`plan` invents a scene and `contacts` finds what touches, both with numpy alone. `shapes`,
`looks`, `simulate` and `stage` run inside Blender (the module `bpy`, in an environment of its
own); `blender` starts that process, `shard` writes what comes back as a corpus.
"""
