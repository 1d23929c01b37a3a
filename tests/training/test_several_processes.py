"""All stages in two processes on the CPU, started by torchrun."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from foleyline_training.checkpoints import load_checkpoint
from foleyline_training.config import STAGES

SCRIPT = Path(__file__).parent / "shared_training.py"
SETTINGS = ("steps=20", "seconds=1000", "schedule=constant", "warm_up_steps=5")
TOGETHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def train(folder, *words, together=True):
    launcher, stages = TOGETHER if together else (), ",".join(STAGES)
    return subprocess.run(
        [sys.executable, *launcher, str(SCRIPT), str(folder), stages, *SETTINGS, *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture
def folders(corpus, tmp_path):
    """Makes run folders with the same corpus."""

    def folder(name):
        shutil.copytree(corpus.folder, tmp_path / name / "corpus")
        return tmp_path / name

    return folder


def losses(folder, stage):
    lines = (folder / f"{stage}.jsonl").read_text().splitlines()
    return {row["step"]: row["loss"] for row in map(json.loads, lines)}


def weights(folder, stage):
    return load_checkpoint(folder / f"{stage}.pt")["weights"]


def test_two_processes_train_as_one_and_go_on_after_a_kill(folders):
    alone, two, broken = folders("alone"), folders("two"), folders("broken")
    for folder, together in ((alone, False), (two, True)):
        ended = train(folder, together=together)
        assert ended.returncode == 0, ended.stderr
    for stage in STAGES:
        wanted = losses(alone, stage)
        assert list(wanted) == list(range(1, 21))
        assert losses(two, stage) == pytest.approx(wanted, rel=1e-5), stage
        for name, value in weights(alone, stage).items():
            torch.testing.assert_close(weights(two, stage)[name], value, atol=1e-4, rtol=0)
    ended = train(broken, "die=1:diffusion:13", "checkpoint_every_s=0")
    assert ended.returncode != 0
    assert not (broken / "diffusion.pt").exists()
    assert load_checkpoint(broken / "diffusion.resume.pt")["step"] >= 12
    ended = train(broken, "checkpoint_every_s=0")
    assert ended.returncode == 0, ended.stderr
    for stage in STAGES:
        assert losses(broken, stage) == losses(two, stage)
        for name, value in weights(two, stage).items():
            assert torch.equal(weights(broken, stage)[name], value)
