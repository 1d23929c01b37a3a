"""Where files go: takes by the artist's pattern, the rest into the extension's own folder."""

from __future__ import annotations

from pathlib import Path

import bpy

from .naming import expand
from .notebook import Notebook

ADDON = __package__ or ""


def own_folder(name: str) -> Path:
    """A folder of the extension's own, which updates leave alone; made if need be."""
    return Path(bpy.utils.extension_path_user(ADDON, path=name, create=True))


def notebook() -> Notebook:
    """Notes about jobs whose takes are not in a saved file yet."""
    return Notebook(own_folder("jobs"))


def project_name() -> str:
    """Name of the open .blend file; empty while it is unsaved."""
    return Path(bpy.data.filepath).name


def target(pattern: str, *, scene: str, strip: str, model: str) -> str:
    """Absolute path of a strip's takes, ``{seed}`` and ``{take}`` still in it.

    ``//`` is the folder of the .blend file; while that is unsaved, the extension's own.
    """
    project = Path(bpy.data.filepath).stem or "untitled"
    path = expand(pattern, project=project, scene=scene, strip=strip, model=model)
    if path.startswith("//") and not bpy.data.filepath:
        return str(own_folder("takes") / path[2:].removeprefix("foley/"))
    return str(Path(bpy.path.abspath(path)))
