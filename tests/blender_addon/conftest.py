"""Lets tests import the add-on's modules that need no bpy, without its ``__init__``."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "foleyline_addon"


def _bare_package() -> ModuleType:
    package = ModuleType(PACKAGE)
    package.__path__ = [str(ROOT / "blender_addon")]
    package.__spec__ = ModuleSpec(PACKAGE, None, is_package=True)
    return package


sys.modules.setdefault(PACKAGE, _bare_package())
for folder in (ROOT / "tests" / "fakes", ROOT / "scripts", Path(__file__).parent):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
