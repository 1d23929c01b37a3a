"""Milliseconds from request to finished takes, stage by stage, and the server's peak memory.

    python scripts/benchmark.py [--clip FILE] [--seconds 8] [--takes 1] [--steps 25] [--runs 5]
        [--bundles DIR] [--bundle NAME] [--device DEV] [--windows-per-batch N] [--overhead]
        [--together N] [--peak-tflops T --unet-gflops G]

Starts a server of its own on a free port, warms it with one run, then measures. Prints the
median and the range; a shared machine's single figure means little. Every run has a file that
the server has not seen, so that nothing is taken from its store; then two more say what a new
seed and the very same request cost. ``--overhead`` makes every take without the service, too;
``--together`` sends so many jobs at once. On a graphics card, the last two flags print how much
of its matrix peak the sampling stage reaches: T is the maker's dense figure for the bundle's
precision, G what one row costs the UNet (docs/gpu.md has it).
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
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from foleyline_client.launcher import connect
from foleyline_client.session import Session
from foleyline_contract.messages import TAKES_MAX, Clip, GenerateSettings, Progress
from foleyline_server.media.frames import iter_pictures
from foleyline_server.pipeline.generate import generate
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.runtime.bundles import PACKAGED_BUNDLES, BundleShelf
from foleyline_server.runtime.library import available_providers
from foleyline_server.runtime.providers import choose_providers
from foleyline_server.runtime.session import RuntimeOptions

EXAMPLE = Path(__file__).parent.parent / "examples" / "workshop.mp4"
_EMPTY_BOX = b"\0\0\0\x08free"
"""Of an MP4 or MOV file: nothing, that every reader skips."""
Spent = defaultdict[str, float]
"""Seconds by stage, and in ``total``."""


def main() -> int:
    """Run the benchmark and print its figures."""
    parser = _parser()
    arguments = parser.parse_args()
    if (arguments.peak_tflops is None) != (arguments.unet_gflops is None):
        parser.error("--peak-tflops and --unet-gflops need each other")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with TemporaryDirectory(ignore_cleanup_errors=True) as place:
        command = server_command(arguments, address, Path(place))
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            started = time.monotonic()
            session, welcome = connect(address, timeout_s=60)
            print(
                f"server up after {time.monotonic() - started:.1f} s, {os.cpu_count()} cores, "
                f"{platform.machine()}, {welcome.providers[0]}"
            )
            measure(session, arguments, Path(place))
            print(f"peak memory of the server: {peak_bytes(server.pid) / 2**20:.0f} MiB")
            session.shutdown()
            session.close()
            server.wait(timeout=10)
        finally:
            server.kill()
    return 0


def measure(session: Session, arguments: argparse.Namespace, place: Path) -> None:
    """Run what was asked for, and print how long it took."""
    first = run(session, arguments, fresh(arguments, place, 0), 0)
    print(f"first run, graphs loaded on the way: {1000 * first['total']:.0f} ms")
    if arguments.together:
        clips = [fresh(arguments, place, n + 1) for n in range(arguments.together * arguments.runs)]
        batches = [clips[n :: arguments.runs] for n in range(arguments.runs)]
        print_times(
            f"{arguments.together} jobs", [together(session, arguments, b) for b in batches]
        )
        return
    alone = Alone(arguments) if arguments.overhead else None
    runs: list[Spent] = []
    for number in range(1, arguments.runs + 1):
        clip = fresh(arguments, place, number)
        runs.append(run(session, arguments, clip, number))
        if alone is not None:
            runs[-1]["alone"] = alone.run(clip, number)
            runs[-1]["overhead"] = runs[-1]["total"] - runs[-1]["alone"]
    for name in runs[0]:
        print_times(name, [spent[name] for spent in runs])
    clip = fresh(arguments, place, arguments.runs)
    seeds = range(arguments.runs + 1, 2 * arguments.runs + 1)
    for name in ("new seed", "the same"):
        print_times(name, [run(session, arguments, clip, seed)["total"] for seed in seeds])
    if arguments.peak_tflops is not None:
        print_share(arguments, statistics.median(spent["sampling"] for spent in runs))


def print_times(name: str, seconds: Sequence[float]) -> None:
    """Median and range."""
    values = [1000 * value for value in seconds]
    print(
        f"{name:>9}: median {statistics.median(values):.0f} ms "
        f"({min(values):.0f} to {max(values):.0f}, {len(values)} runs)"
    )


def fresh(arguments: argparse.Namespace, place: Path, number: int) -> Clip:
    """The clip in a file that nobody has seen: the same picture, ``number`` empty boxes more."""
    path = place / f"{number}{arguments.clip.suffix}"
    path.write_bytes(arguments.clip.read_bytes() + number * _EMPTY_BOX)
    return Clip(str(path), Fraction(0), Fraction(arguments.seconds))


def server_command(arguments: argparse.Namespace, address: str, place: Path) -> list[str]:
    """The server to measure, with what was asked for and a store of its own."""
    command = [sys.executable, "-m", "foleyline_server", "--address", address]
    command += ["--data", str(place / "data")]
    command += ["--log-level", "warning", "--device", arguments.device]
    command += ["--windows-per-batch", str(arguments.windows_per_batch)]
    if arguments.bundles is not None:
        command += ["--bundles", str(arguments.bundles)]
    return command


def run(session: Session, arguments: argparse.Namespace, clip: Clip, number: int) -> Spent:
    """Seconds in all and in each stage for all takes, as seen from the client.

    A job has at most TAKES_MAX takes; more takes are more jobs, one after the other.
    """
    spent: Spent = defaultdict(float)
    for first in range(0, arguments.takes, TAKES_MAX):
        takes = min(TAKES_MAX, arguments.takes - first)
        seed = number * arguments.takes + first
        settings = GenerateSettings(seed, takes, arguments.bundle, steps=arguments.steps)
        for stage, seconds in time_job(session, clip, settings).items():
            spent[stage] += seconds
    return spent


def time_job(session: Session, clip: Clip, settings: GenerateSettings) -> Spent:
    """Seconds in all and in each stage of one job."""
    started = time.monotonic()
    spent: Spent = defaultdict(float, total=0.0)
    stage, since = "queued", started
    job = session.submit(clip, settings)
    for envelope in session.events(job):
        if isinstance(envelope.message, Progress) and envelope.message.stage != stage:
            now = time.monotonic()
            spent[stage] += now - since
            stage, since = envelope.message.stage, now
    ended = time.monotonic()
    spent[stage] += ended - since
    spent["total"] = ended - started
    return spent


def together(session: Session, arguments: argparse.Namespace, clips: Sequence[Clip]) -> float:
    """Seconds until jobs that were sent at once have all ended."""
    settings = GenerateSettings(0, arguments.takes, arguments.bundle, steps=arguments.steps)
    started = time.monotonic()
    for job in [session.submit(clip, settings) for clip in clips]:
        for _ in session.events(job):
            pass
    return time.monotonic() - started


class Alone:
    """The pipeline in this process, without the service."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        options = RuntimeOptions(
            choose_providers(available_providers(), arguments.device).providers,
            windows_per_batch=arguments.windows_per_batch,
        )
        folders = [arguments.bundles] if arguments.bundles else []
        shelf = BundleShelf([*folders, PACKAGED_BUNDLES], options)
        self._bundle = shelf.load(shelf.find(arguments.bundle))
        self._arguments = arguments
        self.run(Clip(str(arguments.clip), Fraction(0), Fraction(arguments.seconds)), 0)

    def run(self, clip: Clip, number: int) -> float:
        """Seconds for all takes of a run."""
        asked = GenerateSettings(number, self._arguments.takes, steps=self._arguments.steps)
        manifest = self._bundle.found.manifest
        settings = used_settings(asked, manifest.model.defaults, manifest.graphs)
        meter = Meter(settings.takes, lambda *_: None, lambda: None)
        started = time.monotonic()
        for _ in generate(clip, settings, self._bundle, meter, iter_pictures):
            pass
        return time.monotonic() - started


def print_share(arguments: argparse.Namespace, sampling_s: float) -> None:
    """The UNet's arithmetic against the card's peak; the stage's other work counts as none."""
    rows = arguments.takes * arguments.steps * arguments.rows
    tflops = rows * arguments.unet_gflops / 1000 / sampling_s
    print(
        f"UNet: {rows} rows of {arguments.unet_gflops:g} GFLOP while sampling, "
        f"{tflops:.1f} TFLOP/s, {100 * tflops / arguments.peak_tflops:.1f} % of "
        f"{arguments.peak_tflops:g}"
    )


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
    parser.add_argument("--takes", type=int, default=1, help="of every run")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--bundles", type=Path, metavar="DIR", help="besides the packaged ones")
    parser.add_argument("--bundle", metavar="NAME", help="else the server's default")
    parser.add_argument("--device", default="auto", help="as for foley-server")
    parser.add_argument("--windows-per-batch", type=int, default=0, help="as for foley-server")
    parser.add_argument("--overhead", action="store_true", help="measure the engine alone, too")
    parser.add_argument("--together", type=int, default=0, metavar="N", help="jobs at once")
    parser.add_argument("--peak-tflops", type=float, metavar="T", help="of the card")
    parser.add_argument("--unet-gflops", type=float, metavar="G", help="of one row")
    parser.add_argument(
        "--rows", type=int, default=2, help="of a step of a take: two for each window of the clip"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
