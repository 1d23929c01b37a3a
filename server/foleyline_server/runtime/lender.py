"""Loaded bundles, lent to jobs: loaded on demand, evicted when room is needed or after a while."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock

from foleyline_server.runtime.budget import row_limits
from foleyline_server.runtime.bundles import BundleShelf, FoundBundle, LoadedBundle
from foleyline_server.runtime.collector import Collector, SharedGraph
from foleyline_server.runtime.providers import CPU

_log = logging.getLogger(__name__)


class Lender:
    """Which bundles are in memory, and on what; safe to use from any thread.

    Args:
        shelf: loads them; nobody else does.
        collector: where the graph calls of several jobs meet.
        idle_s: a bundle that nobody used for so long goes.
        clock: seconds that only rise.
    """

    def __init__(
        self,
        shelf: BundleShelf,
        collector: Collector,
        idle_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelf, self._collector = shelf, collector
        self._idle_s, self._clock = idle_s, clock
        self._shared: dict[str, LoadedBundle] = {}
        self._lock = Lock()
        self._users: Counter[str] = Counter()
        self._used_s: dict[str, float] = {}
        self._on_cpu: set[str] = set()

    def provider(self, found: FoundBundle) -> str:
        """What a bundle is computed by, or will be once it is loaded."""
        return CPU if found.manifest.name in self._on_cpu else self._shelf.options.providers[0]

    @contextmanager
    def lend(self, found: FoundBundle) -> Generator[LoadedBundle]:
        """Load a bundle if it is not, and keep it as long as it is used.

        Raises:
            BundleError: it cannot be used.
            OutOfMemory: the device cannot hold it.
        """
        name = found.manifest.name
        with self._lock:
            if name not in self._shared:
                loaded = self._shelf.load(found, on_cpu=name in self._on_cpu)
                self._shared[name] = _shared(loaded, self._collector)
            bundle = self._shared[name]
            self._users[name] += 1
        try:
            yield bundle
        finally:
            with self._lock:
                self._users[name] -= 1
                self._used_s[name] = self._clock()

    def make_room(self, found: FoundBundle) -> bool:
        """Let go of the other bundle that was used least lately; False if there is none to."""
        with self._lock:
            others = [
                name
                for name in self._shelf.loaded()
                if name != found.manifest.name and not self._users[name]
            ]
            if not others:
                return False
            self._unload(min(others, key=lambda name: self._used_s.get(name, 0.0)), "for another")
            return True

    def fall_back(self, found: FoundBundle) -> bool:
        """Compute a bundle on the CPU from now on; False if it is, or if that is not wanted."""
        options = self._shelf.options
        name = found.manifest.name
        with self._lock:
            if options.required or options.providers[0] == CPU or name in self._on_cpu:
                return False
            self._on_cpu.add(name)
            self._unload(name, "it does not fit")
        _log.warning("The bundle %r runs on the CPU: the device has too little memory.", name)
        return True

    def rest(self) -> None:
        """Let go of what nobody has used for a while."""
        with self._lock:
            before_s = self._clock() - self._idle_s
            for name in self._shelf.loaded():
                if not self._users[name] and self._used_s.get(name, before_s) <= before_s:
                    self._unload(name, "unused")
                    # The device may have room again by now.
                    self._on_cpu.discard(name)

    def close(self) -> None:
        """Let go of all bundles."""
        with self._lock:
            for name in self._shelf.loaded():
                self._unload(name, "the server ends")

    def _unload(self, name: str, reason: str) -> None:
        self._shelf.unload(name)
        self._shared.pop(name, None)
        self._used_s.pop(name, None)
        _log.info("The bundle %r was let go: %s.", name, reason)


def _shared(bundle: LoadedBundle, collector: Collector) -> LoadedBundle:
    limits = row_limits(bundle.windows_per_batch)
    shared = {
        name: SharedGraph(name, bundle.graphs[name], collector, limit)
        for name, limit in limits.items()
    }
    # Optional graphs are on the CPU, where calls of several jobs are as quick one by one.
    return replace(bundle, graphs={**bundle.graphs, **shared})
