"""``kill -9`` at random moments, most of them while a checkpoint is written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from foleyline_training.checkpoints import load_checkpoint

SCRIPT = Path(__file__).parent / "killed_training.py"
STEPS, KILLS = 100, 8
SETTINGS = (f"steps={STEPS}", "seconds=1000", "schedule=constant", "checkpoint_every_s=0")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks"),
]


def train(folder, kills):
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), str(kills), "autoencoder", *SETTINGS],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout)


def test_killed_often_it_equals_the_unbroken(corpus, tmp_path):
    corpus.mels()
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        shutil.copytree(corpus.folder, folder / "corpus")
    assert train(folders[0], 0) == 0
    assert train(folders[1], KILLS) >= KILLS // 2  # the rest of it came to an end before
    whole, killed = (load_checkpoint(folder / "autoencoder.pt") for folder in folders)
    assert whole["steps"] == killed["steps"] == STEPS
    for name, value in whole["weights"].items():
        assert torch.equal(killed["weights"][name], value)
    rows, others = (
        [json.loads(line) for line in (folder / "autoencoder.jsonl").read_text().splitlines()]
        for folder in folders
    )
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    drop = {"seconds"}
    assert [{k: v for k, v in row.items() if k not in drop} for row in rows] == [
        {k: v for k, v in row.items() if k not in drop} for row in others
    ]
    assert not list(folders[1].glob("*.part")) and not list(folders[1].glob("*.resume*"))
