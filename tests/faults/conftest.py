import runpy
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(TESTS / "server" / "fakes")]
# Makes the add-on's modules that need no bpy importable as foleyline_addon.
runpy.run_path(str(TESTS / "blender_addon" / "conftest.py"))
