# Run inside a Blender's chroot: subscribe to the repository at $1, install from it, use it.
set -eu
blender --online-mode --command extension repo-add foley --name Foleyline --url "$1/index.json"
blender --online-mode --command extension sync
blender --online-mode --command extension install foley.foleyline --enable
blender --online-mode --command extension list
blender -b --python-expr "
import bpy
named = 'bl_ext.foley.foleyline' in bpy.context.preferences.addons
there = hasattr(bpy.context.scene, 'foley')
print('CHECK ok installed' if named and there else 'CHECK BAD installed', flush=True)
print('DONE', flush=True)
"
