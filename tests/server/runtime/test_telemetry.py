"""ONNX Runtime tells its maker nothing."""

import os
import subprocess
import sys

LOOK = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print("telemetry off:", os.environ.get("ORT_DISABLE_TELEMETRY"))
sys.meta_path.insert(0, Watch())
import foleyline_server.runtime.library
"""


def test_it_is_switched_off_before_the_library_is_imported(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.splitlines()[0] == "telemetry off: 1"
    assert not list(tmp_path.rglob("onnxruntime*"))
