import sys
from pathlib import Path

import pytest

from foleyline_training.corpus.rigid.blender import Blender, BlenderError, Order

ORDER = Order(0, "training", 1.0, 24.0, [0], 48, 1, "/nowhere", 0.12, 2)


def stand_in(folder: Path, *lines: str) -> Path:
    """A program in Blender's place, in shell."""
    python = folder / "python"
    python.write_text("\n".join(["#!/bin/sh", 'echo \'{"blender": "0.0"}\'', *lines, ""]))
    python.chmod(0o755)
    return python


@pytest.mark.parametrize("python", ["nothing-here", sys.executable])
def test_without_bpy_one_is_told_what_to_install(python, tmp_path):
    with pytest.raises(BlenderError, match="pip install 'bpy"):
        Blender(Path(python), tmp_path / "log")


def test_an_order_is_answered(tmp_path):
    python = stand_in(tmp_path, "read order", "echo '{\"contacts\": []}'", "read order")
    with Blender(python, tmp_path / "log") as blender:
        assert blender.make(ORDER) == {"contacts": []}


def test_a_scene_that_crashes_blender_is_refused_and_blender_started_again(tmp_path):
    again = (
        f"if [ -e {tmp_path}/again ]; then read order; echo '{{\"contacts\": []}}'; read order; fi"
    )
    python = stand_in(tmp_path, again, f"touch {tmp_path}/again", "read order", "kill -11 $$")
    with Blender(python, tmp_path / "log") as blender:
        assert "Blender ended" in blender.make(ORDER)["refused"]
        assert blender.make(ORDER) == {"contacts": []}


def test_a_blender_that_always_ends_is_reported_with_its_last_words(tmp_path):
    with Blender(stand_in(tmp_path, 'echo "out of luck" >&2'), tmp_path / "log") as blender:
        assert "out of luck" in blender.make(ORDER)["refused"]
        with pytest.raises(BlenderError, match="out of luck"):
            blender.make(ORDER)
