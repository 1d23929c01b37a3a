"""Messages that no honest client would send, at a real server process with the stub engine.

    python tests/hostile/messages.py --count 100000 --seed 1

A bystander pings throughout. The server must answer every ping, keep its memory, open nothing but
regular files that a message of a local client names, write nothing beside its own folder, and be
idle and alive in the end.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import zmq

sys.path.insert(0, str(Path(__file__).parent))

from watch import OpenedFiles

from foleyline_client.session import Session
from foleyline_client.transport import ZmqTransport
from foleyline_contract import messages as m
from foleyline_contract.codec import MESSAGE_TYPES, Envelope, decode, encode, new_id
from foleyline_contract.errors import FoleyError

STUB_SERVER = Path(__file__).parents[1] / "fakes" / "stub_server.py"
NAMED = ("bait.mp4", "pipe.mp4", "folder.mp4", "missing.mp4")
"""A text file, a FIFO, a folder and nothing: messages name them."""
UNNAMED = "private.mp4"
SYSTEM = ("/etc/passwd", "/dev/zero", "/dev/random", "/proc/self/mem")
WAVE = 500
"""Messages before the sender lets the server catch up."""
QUIET_S = 0.2
_NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63), 10**300, 1e308, -0.0, 0.1, True, None)
_TEXTS = ("", "\0", "é" * 100, "x" * 40_000, "../../etc/passwd", "1/0", "-1/3", "9" * 64 + "/1",
          "NaN", "\ud800", "queued", "a" * 64, "%s%n", "'; drop table jobs; --")  # fmt: skip
_OTHER_TYPES = sorted(set(MESSAGE_TYPES) - {"shutdown"})
"""A client of the same machine may end the server; here nobody shall."""
_PARTS = (b"", b"\0", b"x" * 1000, b"\xff" * m.UPLOAD_CHUNK_BYTES)

Parts = list[bytes]
Mutation = Callable[[random.Random, Parts], Parts]


# ---- honest messages ---------------------------------------------------------------------------


def honest(folder: Path) -> list[Envelope]:
    """One of every request, a few more often; they name what is no movie."""
    settings = m.GenerateSettings(7, 2, "mini", "ddim", 9, 2.5, 7.0, None, -23.0, 5, 0.5)
    paths = [*(str(folder / name) for name in NAMED), *SYSTEM]
    clips = [m.Clip(path, Fraction(0), Fraction(1, 2)) for path in paths]
    upload = m.Upload("ab" * 32, 10, 0, "film.mp4")
    requests: list[Any] = [
        m.Hello("hostile"),
        *(m.Generate(clip, settings, m.Origin("p", "s", "l"), True) for clip in clips),
        m.Attach(("a" * 32, "b" * 32)),
        m.ListJobs(("queued",), ("strip",), True, "a" * 32, 5),
        m.Acknowledge(("a" * 32,)),
        *map(m.Probe, paths),
        m.FindCuts(clips[0]),
        m.Cancel("a" * 32),
        m.Status(),
        m.Ping(),
    ]
    envelopes = [Envelope(request, new_id()) for request in requests]
    envelopes.append(Envelope(upload, new_id(), parts=(b"0123456789",)))
    # What only servers say.
    events: list[Any] = [m.Pong(1), m.Goodbye(), m.JobFinished("a", 1.0), m.Failed("x", "y", "z")]
    return envelopes + [Envelope(event, new_id(), "a" * 32) for event in events]


# ---- mutations ---------------------------------------------------------------------------------


def flip(rng: random.Random, parts: Parts) -> Parts:
    """Turn over some bits of one part."""
    at = rng.randrange(len(parts))
    data = bytearray(parts[at])
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return [*parts[:at], bytes(data), *parts[at + 1 :]]


def truncate(rng: random.Random, parts: Parts) -> Parts:
    """Cut one part off, anywhere."""
    at = rng.randrange(len(parts))
    return [*parts[:at], parts[at][: rng.randrange(len(parts[at]) + 1)], *parts[at + 1 :]]


def splice(rng: random.Random, parts: Parts) -> Parts:
    """Repeat a stretch of the header in another place."""
    data = parts[0]
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randrange(1, 40)] * rng.choice((1, 2, 50))
    at = rng.randrange(len(data))
    return [data[:at] + piece + data[at:], *parts[1:]]


def junk(rng: random.Random, _: Parts) -> Parts:
    """No message at all."""
    return [rng.randbytes(rng.choice((0, 1, 10, 1000))) for _ in range(rng.randrange(1, 4))]


def nest(rng: random.Random, parts: Parts) -> Parts:
    """Put lists and objects into each other, deeper than anyone needs."""
    depth = rng.choice((5, 31, 33, 1000, 100_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    value = opening * depth + b"1" + (closing * depth if rng.random() < 0.8 else b"")
    return [parts[0].replace(b'"body": ', b'"body": ' + value + b', "x": ', 1), *parts[1:]]


def parts_about(rng: random.Random, parts: Parts) -> Parts:
    """Parts that are too many, missing, doubled or in another order."""
    more = [*parts, *rng.choices(_PARTS, k=rng.choice((1, 2, 20)))]
    rng.shuffle(more)
    return more[: rng.randrange(len(more) + 1)] or [b""]


def change_field(rng: random.Random, parts: Parts) -> Parts:
    """Replace, remove or add a value anywhere in the header."""
    header = json.loads(parts[0])
    for _ in range(rng.choice((1, 1, 2, 4))):
        holder, name = rng.choice(list(_places(header)))
        what = rng.random()
        if what < 0.15:
            del holder[name]
        elif what < 0.3 and isinstance(holder, dict):
            holder[rng.choice(_TEXTS)] = copy.deepcopy(holder[name])
        else:
            holder[name] = _value(rng, header)
        if not list(_places(header)):
            break
    return [_dumped(header), *parts[1:]]


def other_type(rng: random.Random, parts: Parts) -> Parts:
    """One message's fields under another's name, protocol or id."""
    header = json.loads(parts[0])
    header["type"] = rng.choice([*_OTHER_TYPES, "", "from_the_future", 5])
    header["protocol"] = rng.choice((1, 2, 2, 2, 3, -1, 2**31, "2", None))
    header["id"] = rng.choice((header["id"], "", "a" * 65, "ä", 5, None, "a" * 32))
    header["reply_to"] = rng.choice((None, header["id"], "", 5))
    return [_dumped(header), *parts[1:]]


def replay(_: random.Random, parts: Parts) -> Parts:
    """The very message again, id and all."""
    return parts


MUTATIONS: tuple[Mutation, ...] = (
    flip, truncate, splice, junk, nest, parts_about, *(4 * [change_field]), *(2 * [other_type]),
    *(2 * [replay]),
)  # fmt: skip


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in list(pairs):
        yield value, name
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _value(rng: random.Random, header: Any) -> Any:
    kind = rng.randrange(5)
    if kind == 0:
        return rng.choice(_NUMBERS)
    if kind == 1:
        return rng.choice(_TEXTS)
    if kind == 2:
        return rng.choice(([], [rng.choice(_TEXTS)], ["a"] * 501, ["a" * 32] * 20_000))
    if kind == 3:
        return rng.choice(SYSTEM)
    holder, name = rng.choice(list(_places(header)) or [({"x": None}, "x")])
    return copy.deepcopy(holder[name])


def _dumped(header: Any) -> bytes:
    return json.dumps(header).encode("utf-8", "surrogatepass")


# ---- the server and its bystander --------------------------------------------------------------


@dataclass
class Report:
    """What was seen."""

    sent: int = 0
    answers: Counter = field(default_factory=Counter)
    ping_waits_s: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    """What the server and its children were seen to have open."""
    footage: Counter = field(default_factory=Counter)
    """How often each file of the folder that messages name was opened, by inotify."""
    problems: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0

    def lines(self) -> list[str]:
        """For people."""
        waits, memory = sorted(self.ping_waits_s), self.memory_mib
        tenth = max(1, len(memory) // 10)
        return [
            f"sent {self.sent} in {self.elapsed_s:.0f} s",
            *(f"{count:8} {name}" for name, count in self.answers.most_common()),
            f"{len(waits)} pings: median {1000 * waits[len(waits) // 2]:.1f} ms, 99th percentile "
            f"{1000 * waits[len(waits) * 99 // 100]:.1f} ms, slowest {1000 * waits[-1]:.0f} ms",
            f"memory: {max(memory[:tenth]):.0f} MiB in the first tenth, {max(memory):.0f} MiB at "
            f"most, {memory[-1]:.0f} MiB last",
            f"footage opened: {dict(self.footage)}",
            f"problems: {self.problems}",
        ]


def run(count: int, seed: int, folder: Path) -> Report:
    """Send ``count`` mutated messages to a fresh server, with all its files in ``folder``."""
    footage = folder / "footage"
    footage.mkdir()
    for name in (NAMED[0], UNNAMED):
        (footage / name).write_bytes(b"not a movie " * 1000)
    os.mkfifo(footage / NAMED[1])
    (footage / NAMED[2]).mkdir()
    before = sorted(footage.iterdir())
    command = [sys.executable, str(STUB_SERVER), "--job-s", "0", "--data", str(folder / "data")]
    with (
        OpenedFiles(footage) as opened,
        subprocess.Popen(
            [*command, "--data-max-bytes", str(1 << 30), "--log-level", "error"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        try:
            address = process.stdout.readline().split()[-1]
            report = _attack(count, seed, footage, address, process)
        finally:
            process.terminate()
            process.wait(60)
        report.footage.update(opened.names())
    for name in (UNNAMED, NAMED[1]):
        if report.footage[name]:
            report.problems.append(f"{name} was opened")
    if sorted(footage.iterdir()) != before:
        report.problems.append("the folder of the footage was written to")
    return report


def _attack(
    count: int, seed: int, footage: Path, address: str, process: subprocess.Popen
) -> Report:
    report, ending = Report(), threading.Event()
    began = time.monotonic()
    pinging = subprocess.Popen(
        [sys.executable, __file__, "--bystander", address],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    watcher = threading.Thread(target=_watch_files, args=(process.pid, report, ending))
    watcher.start()
    rng = random.Random(seed)
    pool = [encode(envelope) for envelope in honest(footage)]
    try:
        with zmq.Context() as context:
            while report.sent < count and process.poll() is None:
                wave = min(WAVE, count - report.sent)
                _send_wave(context, address, rng, pool, wave, report)
                report.memory_mib.append(_memory_mib(process.pid))
    finally:
        report.elapsed_s = time.monotonic() - began
        ending.set()
        watcher.join()
        said = json.loads(pinging.communicate(timeout=60)[0])
    report.ping_waits_s = said["waits_s"]
    report.problems += said["problems"]
    report.problems += [
        f"{path} was open" for path in report.opened if not _may_open(path, footage)
    ]
    if process.poll() is not None:
        report.problems.append(f"the server ended with {process.returncode}")
    else:
        _check_alive(address, report)
    return report


def _send_wave(context, address, rng, pool, wave, report) -> None:
    """A new client each time; what it sends stays within what a line may carry."""
    with context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(address)
        for _ in range(wave):
            parts = rng.choice(pool)
            for _ in range(rng.choice((1, 1, 1, 1, 1, 2, 3))):
                parts = _mutated(rng, parts)
            socket.send_multipart(parts)
        report.sent += wave
        while socket.poll(int(QUIET_S * 1000)):
            answer = decode(socket.recv_multipart()).message
            name = type(answer).__name__
            report.answers[f"{name} {answer.code}" if isinstance(answer, m.Failed) else name] += 1


def _mutated(rng: random.Random, parts: Parts) -> Parts:
    mutation = rng.choice(MUTATIONS)
    try:
        return mutation(rng, parts)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return flip(rng, parts)  # it is no JSON any longer


def bystander(address: str) -> None:
    """An honest client in a process of its own that pings until its standard input ends."""
    waits_s: list[float] = []
    ending = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
    problems: list[str] = []
    with Session(ZmqTransport(address)) as session:
        while not ending.wait(0.05):
            asked = time.monotonic()
            try:
                session.ping(10.0)
            except FoleyError as error:
                problems.append(f"a ping was not answered: {error}")
            waits_s.append(time.monotonic() - asked)
    print(json.dumps({"waits_s": waits_s, "problems": problems}))


def _watch_files(pid: int, report: Report, ending: threading.Event) -> None:
    """Note every file that the server or a child of it has open; Linux only."""
    while not ending.is_set():
        for process in [pid, *_children(pid)]:
            try:
                links = list(Path(f"/proc/{process}/fd").iterdir())
            except OSError:
                continue
            for link in links:
                try:
                    report.opened.add(str(link.readlink()))
                except OSError:
                    continue
        time.sleep(0.02)


def _may_open(path: str, footage: Path) -> bool:
    """The server's own files, and what messages name."""
    own = (sys.prefix, sys.base_prefix, Path(__file__).parents[2], footage.parent, "/usr", "/lib")
    system = ("/dev/null", "/proc", "/sys", "/etc/ld.so.cache", "/etc/locale.alias", *SYSTEM)
    return not path.startswith("/") or path.startswith((*map(str, own), *system))


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        texts = [(task / "children").read_text() for task in tasks]
    except OSError:
        return []
    children = [int(number) for text in texts for number in text.split()]
    return children + [deeper for child in children for deeper in _children(child)]


def _memory_mib(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * 4096 / 2**20


def _check_alive(address: str, report: Report) -> None:
    with Session(ZmqTransport(address)) as session:
        session.hello()
        status = session.status()
        if status.running or status.queued:
            report.problems.append(f"{status.running + status.queued} jobs are left over")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bystander", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bystander:
        bystander(options.bystander)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        report = run(options.count, options.seed, Path(folder))
    print("\n".join(report.lines()))
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(main())
