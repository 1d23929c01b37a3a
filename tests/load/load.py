"""Many clients at once against a real server with the stub engine: what is lost, how long it takes.

    python tests/load/load.py [--clients 64] [--jobs 2000] [--processes 4]

Every client submits its jobs at once, half of them as a fill, takes what comes and acknowledges.
Meanwhile another process asks for signs of life and cancels jobs. Prints a line of figures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "server" / "fakes"), str(TESTS / "fakes")]

from coded_video import steady, write_video  # noqa: E402
from raw_caller import Caller  # noqa: E402

from foleyline_contract.messages import (  # noqa: E402
    Accepted,
    Acknowledge,
    Acknowledged,
    Cancel,
    Clip,
    Failed,
    Generate,
    GenerateSettings,
    JobCancelled,
    JobFinished,
    Ping,
    Status,
    TakeFinished,
)

CLIP_S = 1
_seed_base = 10_000


def client(address: str, movie: str, number: int, count: int) -> dict[str, int]:
    """One client's jobs: how often each job was finished, and how its takes came."""
    caller = Caller(address)
    clip = Clip(movie, Fraction(0), Fraction(CLIP_S))
    jobs = [
        caller.send(
            Generate(clip, GenerateSettings(seed=number * _seed_base + n), batch=n % 2 == 1)
        )
        for n in range(count)
    ]
    takes: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    seeds: dict[str, int] = {}
    wrong = 0
    acknowledged: set[str] = set()
    while len(acknowledged) < count:
        envelope = caller.receive(600_000)
        match envelope.message:
            case TakeFinished(job_id=job_id, seed=seed):
                takes[job_id] += 1
                seeds[job_id] = seed
                wrong += len(envelope.parts[0]) != 3 * clip.sample_count or ends[job_id] > 0
            case JobFinished(job_id=job_id):
                ends[job_id] += 1
                caller.send(Acknowledge((job_id,)))
            case Acknowledged(job_ids=job_ids):
                acknowledged.update(job_ids)
            case Failed() as failed:
                raise RuntimeError(str(failed))
            case _:
                pass
    caller.close()
    mine = [seeds.get(job_id) == number * _seed_base + n for n, job_id in enumerate(jobs)]
    return {
        "jobs": count,
        "lost": sum(takes[job_id] == 0 or ends[job_id] == 0 for job_id in jobs),
        "doubled": sum(takes[job_id] > 1 or ends[job_id] > 1 for job_id in jobs),
        "wrong": wrong + mine.count(False) + len(set(takes) - set(jobs)),
    }


def clients(address: str, movie: str, numbers: list[int], counts: list[int]) -> Counter[str]:
    """Several clients, a thread each."""
    total: Counter[str] = Counter()
    with ThreadPoolExecutor(len(numbers)) as pool:
        for told in pool.map(
            lambda pair: client(address, movie, *pair), zip(numbers, counts, strict=True)
        ):
            total.update(told)
    return total


def onlooker(address: str, movie: str, over) -> dict[str, list[float]]:
    """Seconds to each answer, until ``over``; and the server's memory."""
    caller = Caller(address)
    found: dict[str, list[float]] = {"ping": [], "status": [], "accepted": [], "cancel": []}
    found["memory_bytes"] = []
    clip = Clip(movie, Fraction(0), Fraction(CLIP_S))
    turn = 0
    while not over.is_set():
        turn += 1
        for name, request in (("ping", Ping()), ("status", Status())):
            began = time.monotonic()
            answer = caller.ask(request).message
            found[name].append(time.monotonic() - began)
        found["memory_bytes"].append(answer.memory_bytes)
        if turn % 5 == 0:
            began = time.monotonic()
            job = caller.send(Generate(clip, GenerateSettings(seed=turn), batch=True))
            caller.until(Accepted)
            found["accepted"].append(time.monotonic() - began)
            began = time.monotonic()
            caller.send(Cancel(job))
            if isinstance(caller.until((JobCancelled, JobFinished), job)[-1].message, JobCancelled):
                found["cancel"].append(time.monotonic() - began)
        time.sleep(0.02)
    caller.close()
    return found


@contextmanager
def stub_server(folder: Path, *options: str):
    """A server process; gives its address."""
    command = [sys.executable, str(TESTS / "fakes" / "stub_server.py"), "--data", str(folder)]
    with subprocess.Popen(
        [*command, "--job-s", "0", "--steps", "3", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()
            process.wait(30)


def load(count_clients: int, count_jobs: int, processes: int) -> dict[str, object]:
    """Run it; the figures."""
    counts = [
        count_jobs // count_clients + (n < count_jobs % count_clients) for n in range(count_clients)
    ]
    numbers = list(range(1, count_clients + 1))
    context = get_context("spawn")
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as place,
        stub_server(Path(place) / "data", "--data-max-bytes", str(128 << 20)) as address,
        context.Manager() as manager,
        ProcessPoolExecutor(processes + 1, mp_context=context) as pool,
    ):
        movie = str(write_video(Path(place) / "scene.mp4", steady(50, 25)))
        over = manager.Event()
        watching = pool.submit(onlooker, address, movie, over)
        time.sleep(1)
        began = time.monotonic()
        parts = [
            pool.submit(clients, address, movie, numbers[n::processes], counts[n::processes])
            for n in range(processes)
        ]
        total: Counter[str] = Counter()
        for part in parts:
            total.update(part.result())
        elapsed_s = time.monotonic() - began
        over.set()
        seen = watching.result()
    return {**total, "elapsed_s": round(elapsed_s, 1), **_figures(seen)}


def _figures(seen: dict[str, list[float]]) -> dict[str, object]:
    memory = [round(value / 2**20, 1) for value in seen.pop("memory_bytes")]
    figures: dict[str, object] = {}
    for name, waits in seen.items():
        cuts = quantiles(waits, n=100) if len(waits) > 1 else [0.0] * 99
        figures[f"{name}_ms"] = {
            "count": len(waits),
            "p50": round(1000 * cuts[49], 1),
            "p99": round(1000 * cuts[98], 1),
            "max": round(1000 * max(waits, default=0), 1),
        }
    tenths = [memory[len(memory) * n // 10] for n in range(10)] + memory[-1:]
    return {**figures, "memory_mib": tenths}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    figures = load(options.clients, options.jobs, options.processes)
    print(json.dumps(figures, indent=1))
    return int(any(figures[name] for name in ("lost", "doubled", "wrong")))


if __name__ == "__main__":
    sys.exit(main())
