"""What the service adds to the engine for one 8 s strip, step by step; the engine is the stub.

    python tests/load/overhead.py [--runs 50]

The decoders' share is not in it: the stub decodes in the server's process.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "server" / "fakes"), str(TESTS / "fakes")]

from coded_video import steady, write_video  # noqa: E402
from raw_caller import Caller  # noqa: E402
from stub_engine import StubEngine  # noqa: E402
from stub_server import stub_server  # noqa: E402

from foleyline_contract.messages import (  # noqa: E402
    Clip,
    Generate,
    GenerateSettings,
    JobFinished,
    TakeFinished,
)
from foleyline_server.service import production  # noqa: E402
from foleyline_server.store.store import Store  # noqa: E402

CLIP_S = 8


def timed(spent: dict[str, list[float]], name: str, call: Callable) -> Callable:
    def run(*arguments, **named):
        began = time.monotonic()
        try:
            return call(*arguments, **named)
        finally:
            spent[name].append(time.monotonic() - began)

    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    runs = parser.parse_args().runs
    spent: dict[str, list[float]] = defaultdict(list)
    for name in ("add", "link_take", "features", "put_features", "put_take", "end"):
        setattr(Store, name, timed(spent, f"store.{name}", getattr(Store, name)))
    production.source_fingerprint = timed(spent, "fingerprint", production.source_fingerprint)
    engine = StubEngine()
    engine.see, engine.make = (
        timed(spent, "engine", engine.see),
        timed(spent, "engine", engine.make),
    )
    with TemporaryDirectory() as place, stub_server(engine) as server:
        movie = write_video(Path(place) / "scene.mp4", steady(CLIP_S * 25, 25)).read_bytes()
        thread = threading.Thread(target=server.run)
        thread.start()
        caller = Caller(server.address)
        for number in range(runs):
            path = Path(place) / f"{number}.mp4"
            path.write_bytes(movie + number * b"\0\0\0\x08free")
            clip = Clip(str(path), Fraction(0), Fraction(CLIP_S))
            began = time.monotonic()
            caller.send(Generate(clip, GenerateSettings(seed=number)))
            caller.until(TakeFinished)
            spent["click to take"].append(time.monotonic() - began)
            caller.until(JobFinished)
        caller.close()
        server.stop()
        thread.join()
    engine_s = [see + make for see, make in zip(*[iter(spent.pop("engine"))] * 2, strict=True)]
    spent["service"] = [
        whole - own for whole, own in zip(spent["click to take"], engine_s, strict=True)
    ]
    for name, values in spent.items():
        print(f"{name:>18}: median {1000 * median(values):.1f} ms, least {1000 * min(values):.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
