"""How fast each bundle is here, as last measured."""

from __future__ import annotations

from collections.abc import Iterable

from foleyline_contract.errors import StorageFailed
from foleyline_server.store.store import Store


class Speeds:
    """Seconds of work for a second of clip at a bundle's default steps; reading never waits.

    Args:
        store: keeps them.
        bundles: hashes of those that may be asked about.
        device: what they were measured on.
    """

    def __init__(self, store: Store, bundles: Iterable[str], device: str) -> None:
        self._store, self._device = store, device
        self._known = {sha256: store.speed(sha256, device) for sha256 in bundles}

    def of(self, bundle_sha256: str) -> float | None:
        """The bundle's speed; None before the first measurement."""
        return self._known.get(bundle_sha256)

    def note(self, bundle_sha256: str, speed: float) -> None:
        """Remember a measurement; one that cannot be kept lasts as long as the server."""
        self._known[bundle_sha256] = speed
        try:
            self._store.note_speed(bundle_sha256, self._device, speed)
        except StorageFailed:
            return
