"""The part of the sound library that Debian packages carry, rebuilt from a committed table.

`table` says which sounds and how each has to come out, `debian` gets packages and reads them
without installing, `group_file` reads OpenClonk's archives, `soundfont` plays notes, `convert`
makes a file of the library of what was read, `build` goes through all of it.
"""
