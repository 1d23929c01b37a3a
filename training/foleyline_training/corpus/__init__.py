"""A synthetic audio-visual corpus: drawn scenes, their contacts, and the sounds of those contacts.

Everything here is deterministic from a seed and needs no torch. `scene.make_scene` invents a
scene, `render.render_pictures` samples it the way the server samples a file,
`soundtrack.mix_soundtrack` sounds it, `shards` streams many of them to disk.
"""
