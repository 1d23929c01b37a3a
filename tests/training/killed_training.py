"""Trains in processes that are killed at random moments, until one comes to its end.

Usage: killed_training.py FOLDER KILLS STAGE SETTING=VALUE..
The processes are forks, because importing torch anew takes longer than they live.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from shared_training import train

from foleyline_training.arguments import override


def main(folder: Path, kills: int, stage: str, settings: dict) -> None:
    torch.set_num_threads(1)  # or forks would wait for threads that they do not have
    rng = random.Random(0)
    done, killed = folder / f"{stage}.pt", 0
    while not done.exists():
        child = os.fork()
        if not child:
            train(folder, stage, dict(settings))
            os._exit(0)
        if killed < kills:
            _wait_for_a_checkpoint(folder / f"{stage}.resume.pt", done)
            time.sleep(rng.uniform(0, 0.2))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            killed += 1
        elif status:
            sys.exit(f"training failed with status {status}")
    print(killed)


def _wait_for_a_checkpoint(path: Path, done: Path) -> None:
    """Until this child has saved once, so that every one of them gets further."""
    started, give_up = time.time(), time.monotonic() + 60
    while time.monotonic() < give_up and not done.exists():
        try:
            if path.stat().st_mtime >= started:
                return
        except FileNotFoundError:  # just being replaced
            pass
        time.sleep(0.001)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        int(sys.argv[2]),
        sys.argv[3],
        dict(override(word) for word in sys.argv[4:]),
    )
