"""Text for other people's eyes: paths are cut to their last names. No bpy here."""

from __future__ import annotations

import re

_FOLDERS = re.compile(
    r"(?<![\w/\\.:])(?:[A-Za-z]:)?[/\\]{1,2}(?=[^\s/\\])"
    r"(?:[^/\\\n'\":,]*[^\s/\\'\":,][/\\])*"
)
"""From a path's beginning to its last separator; folders may hold spaces."""


def without_folders(text: str) -> str:
    """The text without the folders of its paths; addresses such as ``tcp://host:1`` stay."""
    return _FOLDERS.sub("", text)
