"""Seconds from request to finished takes, and the server's peak memory.

    python scripts/benchmark.py [--clip examples/workshop.mp4] [--runs 5] [--steps 25]

Starts a server of its own on a free port, warms it with one take, then measures. Prints the
median and the range; a shared machine's single figure means little.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

from foleyline_client.launcher import connect_or_start
from foleyline_client.session import Session
from foleyline_contract.messages import Clip, GenerateSettings, Progress

EXAMPLE = Path(__file__).parent.parent / "examples" / "workshop.mp4"


def main() -> int:
    """Run the benchmark and print its figures."""
    arguments = _parser().parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    server = subprocess.Popen(
        [sys.executable, "-m", "foleyline_server", "--address", address, "--log-level", "warning"],
        stdout=subprocess.DEVNULL,
    )
    try:
        started = time.monotonic()
        session, _ = connect_or_start(address, timeout_s=60)
        print(
            f"server up after {time.monotonic() - started:.1f} s, {os.cpu_count()} cores, "
            f"{platform.machine()}"
        )
        clip = Clip(str(arguments.clip), Fraction(0), Fraction(arguments.seconds))
        first = take(session, clip, 0, arguments.steps)
        print(f"first take, graphs loaded on the way: {first['total']:.2f} s")
        runs = [take(session, clip, seed + 1, arguments.steps) for seed in range(arguments.runs)]
        for name in runs[0]:
            values = [run[name] for run in runs]
            print(
                f"{name:>9}: median {statistics.median(values):.2f} s "
                f"({min(values):.2f} to {max(values):.2f}, {len(values)} runs)"
            )
        print(f"peak memory of the server: {peak_bytes(server.pid) / 2**20:.0f} MiB")
        session.shutdown()
        session.close()
        server.wait(timeout=10)
    finally:
        server.kill()
    return 0


def take(session: Session, clip: Clip, seed: int, steps: int) -> dict[str, float]:
    """Seconds in all and in each stage, as seen from the client."""
    started = time.monotonic()
    spent: dict[str, float] = {}
    stage, since = "queued", started
    job = session.submit(clip, GenerateSettings(seed=seed, steps=steps))
    for envelope in session.events(job):
        if isinstance(envelope.message, Progress) and envelope.message.stage != stage:
            now = time.monotonic()
            spent[stage] = spent.get(stage, 0.0) + now - since
            stage, since = envelope.message.stage, now
    ended = time.monotonic()
    spent[stage] = spent.get(stage, 0.0) + ended - since
    return {"total": ended - started, **spent}


def peak_bytes(pid: int) -> int:
    """Largest resident size the process ever had (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not say how much memory a process had")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Time the main job and weigh the server.")
    parser.add_argument("--clip", type=Path, default=EXAMPLE)
    parser.add_argument("--seconds", type=int, default=8, help="length of the clip")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=25)
    return parser


if __name__ == "__main__":
    sys.exit(main())
