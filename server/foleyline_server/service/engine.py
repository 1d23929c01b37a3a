"""What the service asks of whatever makes takes; the pipeline is one, tests have another."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from foleyline_contract.messages import BundleInfo, Clip, GenerateSettings
from foleyline_server.pipeline.generate import Take
from foleyline_server.pipeline.progress import Meter
from foleyline_server.pipeline.provenance import UsedSettings

Arrays = Mapping[str, NDArray[Any]]
"""What was seen in a clip, as it is kept for the next take of it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a request asks of one bundle, with nothing left open."""

    bundle: str
    bundle_sha256: str
    settings: UsedSettings
    at_default_steps: bool


class Engine(Protocol):
    """Sees clips and makes takes; every method is for any thread."""

    @property
    def lanes(self) -> int:
        """Jobs that it works on at once."""
        ...

    @property
    def providers(self) -> tuple[str, ...]:
        """What computes, best first."""
        ...

    @property
    def default_bundle(self) -> str:
        """Used when a request names none; empty if there is none at all."""
        ...

    def infos(self) -> tuple[BundleInfo, ...]:
        """Installed bundles, the default one first."""
        ...

    def loaded(self) -> tuple[str, ...]:
        """Names of the bundles in memory; never waits."""
        ...

    def order(self, settings: GenerateSettings) -> Order:
        """Fill in what a request left open; never waits.

        Raises:
            BundleError: the bundle is not there or cannot be used.
            SettingInvalid: a setting cannot be used with it; the sound that is asked for, say.
        """
        ...

    def device(self, order: Order) -> str:
        """The kind of device that makes its takes: others' differ in the last bits."""
        ...

    def at_work(self) -> AbstractContextManager[None]:
        """Around a lane's work on one job."""
        ...

    def aside(self) -> AbstractContextManager[None]:
        """Around a pause within that work."""
        ...

    def see(self, clip: Clip, order: Order, meter: Meter) -> Arrays:
        """Look at a clip, whose ``path`` is a file to open.

        Raises:
            InputError: the file cannot be used.
            BundleError, OutOfMemory, ServerError: the networks cannot do it.
        """
        ...

    def make(self, seen: Arrays, clip: Clip, order: Order, number: int, meter: Meter) -> Take:
        """Make take ``number`` of what was seen.

        Raises:
            BundleError, OutOfMemory, ServerError: the networks cannot do it.
        """
        ...

    def rest(self) -> None:
        """Let go of what has not been used for long; called now and then."""
        ...

    def close(self) -> None:
        """Let go of everything; no work is under way."""
        ...
