"""Graphs and sampling runs against the official code, by the script people run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RECORDINGS = ROOT.parent / "shared" / "reference" / "golden"


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the official code's outputs are not here")
def test_torch_graphs_and_trajectories_are_the_official_ones(tmp_path):
    report = tmp_path / "parity.json"
    command = [sys.executable, ROOT / "scripts" / "parity.py", RECORDINGS, "--output", report]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    rows = json.loads(report.read_text())
    for by in ("torch", "ONNX fp32"):
        seen = {row["recording"] for row in rows if row["by"] == by}
        assert {"unet_reduced", "classifier_reduced", "vae_T64", "cavp_video_T16"} <= seen
        assert {f"traj_{name}_reduced" for name in ("cfg", "dg", "dg33", "dg_ctx")} <= seen
    assert max(row["difference"]["relative_l2"] for row in rows) < 1e-4
