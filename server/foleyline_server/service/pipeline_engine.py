"""The real engine: the pipeline, on bundles that are loaded when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar

from foleyline_contract.errors import OutOfMemory
from foleyline_contract.messages import BundleInfo, Clip, GenerateSettings
from foleyline_contract.palette import require_sound
from foleyline_server.media.pictures import Pictures
from foleyline_server.pipeline.generate import Take, make_take, plan_of, see
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.pipeline.sampling import SeenClip
from foleyline_server.runtime.bundles import BundleShelf, LoadedBundle
from foleyline_server.runtime.collector import Collector
from foleyline_server.runtime.lender import Lender
from foleyline_server.runtime.providers import windows_per_batch
from foleyline_server.service.engine import Arrays, Order

T = TypeVar("T")
_LANES_MAX = 4
"""Jobs whose windows share batches: more would hold more sounds in memory and gain little."""


class PipelineEngine:
    """Sees and makes by the networks of a shelf's bundles; see Engine.

    Args:
        shelf: the bundles.
        collector: where the jobs' graph calls meet.
        pictures: where a clip's pictures come from.
        idle_s: how long an unused bundle stays in memory.
    """

    def __init__(
        self, shelf: BundleShelf, collector: Collector, pictures: Pictures, idle_s: float
    ) -> None:
        self._shelf, self._collector, self._pictures = shelf, collector, pictures
        self._lender = Lender(shelf, collector, idle_s)

    @property
    def lanes(self) -> int:
        """One where nothing is merged, so that a lone job has the device for itself."""
        options = self._shelf.options
        return min(_LANES_MAX, windows_per_batch(options.windows_per_batch, options.providers))

    @property
    def providers(self) -> tuple[str, ...]:
        """What computes, best first."""
        return self._shelf.options.providers

    @property
    def default_bundle(self) -> str:
        """Used when a request names none."""
        return self._shelf.default

    def infos(self) -> tuple[BundleInfo, ...]:
        """Installed bundles, the default one first."""
        return self._shelf.infos()

    def loaded(self) -> tuple[str, ...]:
        """Names of the bundles in memory."""
        return self._shelf.loaded()

    def order(self, settings: GenerateSettings) -> Order:
        """Fill in what a request left open.

        Raises:
            BundleError: the bundle is not there or cannot be used.
            SettingInvalid: sampler or vocoder are not known, the vocoder is not installed or not
                in the bundle, or the bundle cannot be asked for the sound.
        """
        found = self._shelf.find(settings.bundle)
        defaults = found.manifest.model.defaults
        require_sound(settings.palette, found.manifest.model.palette, found.manifest.name)
        used = used_settings(settings, defaults, found.manifest.graphs)
        return Order(found.manifest.name, found.sha256, used, used.steps == defaults.steps)

    def device(self, order: Order) -> str:
        """The execution provider that makes the order's takes."""
        return self._lender.provider(self._shelf.find(order.bundle))

    def at_work(self) -> AbstractContextManager[None]:
        """Around a lane's work on one job."""
        return self._collector.at_work()

    def aside(self) -> AbstractContextManager[None]:
        """Around a pause within that work."""
        return self._collector.aside()

    def see(self, clip: Clip, order: Order, meter: Meter) -> Arrays:
        """Decode a clip and encode what its windows see."""

        def look(bundle: LoadedBundle) -> Arrays:
            seen = see(clip, bundle, meter, pictures=self._pictures)
            return {"features": seen.features}

        return self._on_any_device(order, look)

    def make(self, seen: Arrays, clip: Clip, order: Order, number: int, meter: Meter) -> Take:
        """Sample, decode, vocode and finish one take."""

        def work(bundle: LoadedBundle) -> Take:
            looked = SeenClip(plan_of(clip, bundle), seen["features"])
            take = make_take(looked, clip, order.settings, bundle, number, meter)
            return replace(take, provenance={**take.provenance, "device": bundle.provider})

        return self._on_any_device(order, work)

    def rest(self) -> None:
        """Let go of bundles that nobody has used for a while."""
        self._lender.rest()

    def close(self) -> None:
        """Let go of all bundles."""
        self._lender.close()

    def _on_any_device(self, order: Order, work: Callable[[LoadedBundle], T]) -> T:
        """Do it with the order's bundle; where memory is short make room, then use the CPU.

        Raises:
            OutOfMemory: neither helps.
        """
        found = self._shelf.find(order.bundle)
        while True:
            try:
                with self._lender.lend(found) as bundle:
                    return work(bundle)
            except OutOfMemory:
                if not self._lender.make_room(found) and not self._lender.fall_back(found):
                    raise
