"""Kills a Blender again and again while it fills an edit of thirty cuts; counts what came of it.

python run_kills.py --blender bpy-4.5.15 --kills 10 --seed 1
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from blenders import Blenders, stub_server
from movie import write_movie
from run import MODULES, SUITES

CUTS = 30
JOB_S = 1.5
LIFE_S = 3.0
"""Longest that a Blender lives once it has opened the file."""


def kill_one(blenders: Blenders, dice: random.Random) -> dict[str, object]:
    """Let a Blender work for a while, kill it, and tell what it said last.

    Every other one is killed while it saves, or just afterwards: the server is then being told
    which takes it need not keep any longer.
    """
    seed, life_s, in_save = dice.randrange(1 << 30), dice.uniform(0, LIFE_S), dice.random() < 0.5
    late_s = dice.uniform(0, 0.1)
    state: dict[str, object] = {}
    with blenders.start("work", seed) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while (line := process.stdout.readline()) and not line.startswith("OPEN"):
            lines.append(line)
        if not line:
            raise SystemExit("".join(lines[-30:]))
        end_s = time.monotonic() + life_s
        while time.monotonic() < end_s and (line := process.stdout.readline()):
            if line.startswith("STATE"):
                state = json.loads(line.removeprefix("STATE"))
            if in_save and state.get("doing") == "saving":
                time.sleep(late_s)
                break
        process.kill()
        process.stdout.read()
    return state


def judge(result: dict[str, list]) -> list[str]:
    """What is wrong."""
    bad: list[str] = []
    counts = dict(result["takes"])
    if len(counts) != CUTS or set(counts.values()) != {1}:
        bad.append(f"not every cut has one take: {counts}")
    if result["wavs"] != result["placed"]:
        bad.append(f"files that lie nowhere: {set(result['wavs']) ^ set(result['placed'])}")
    if result["waiting"] or result["notes"]:
        bad.append(f"not acknowledged: {result['waiting']}, notes: {result['notes']}")
    return bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", choices=(*MODULES, *SUITES), default=MODULES[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name).resolve()
        write_movie(work / "ball24.mp4", Fraction(24), 240)
        with stub_server(work, JOB_S) as address:
            blenders = Blenders(options.blender, "kill_steps.py", work, address)
            blenders.run("make")
            for number in range(1, options.kills + 1):
                told = kill_one(blenders, dice)
                print(f"kill {number}:", json.dumps(told), flush=True)
            lines = blenders.run("finish")
        again = [line for line in lines if line.startswith("AGAIN")]
        result = json.loads(next(x for x in lines if x.startswith("RESULT")).removeprefix("RESULT"))
        bad = judge(result)
        print(f"{len(result['wavs'])} files, {result['jobs']} jobs, {result['parts']} parts", again)
        if bad:
            print("\n".join(line for line in lines if line.startswith("BOARD")))
        print("\n".join(bad) or f"passed: every cut has its take once after {options.kills} kills")
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
