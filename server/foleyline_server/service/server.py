"""A whole server: the socket, the threads behind it, and what they share; its beginning and end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event as Flag
from threading import Thread
from types import TracebackType

from foleyline_contract.messages import Goodbye
from foleyline_server.log import note
from foleyline_server.media.decoders import Decoders
from foleyline_server.service.announcer import Announcer
from foleyline_server.service.clerk import Clerk
from foleyline_server.service.engine import Engine
from foleyline_server.service.handlers import Desk, handle
from foleyline_server.service.jobs import JOBS_MAX, Scheduler
from foleyline_server.service.production import Production
from foleyline_server.service.records import Records
from foleyline_server.service.router import Context, Guarding, Router
from foleyline_server.service.seeker import Seeker
from foleyline_server.service.speeds import Speeds
from foleyline_server.service.upkeep import Upkeep
from foleyline_server.service.worker import Lane
from foleyline_server.store.store import Store

_log = logging.getLogger(__name__)
_END_S = 10.0
"""Longest wait for the lanes when the server ends."""
_UPLOADS_WAITING_MAX = 256
"""Pieces in memory, 128 MiB at most."""
_LOOKS_WAITING_MAX = 1000
"""Questions about films."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients are told of the server's limits; the store holds to them."""

    stored_max_bytes: int
    upload_max_bytes: int


class Server:
    """A server at an address. It owns neither engine nor store.

    Args:
        address: see Router.
        engine: makes takes.
        store: keeps them.
        decoders: look into files.
        limits: told to clients.
        guard: see Router.

    Raises:
        AddressUnavailable: nobody can listen there.
        StorageFailed: the store cannot be read.
    """

    def __init__(
        self,
        address: str,
        engine: Engine,
        store: Store,
        decoders: Decoders,
        limits: Limits,
        guard: Callable[[Context], Guarding] | None = None,
    ) -> None:
        self._stop = Flag()
        self._router = Router(address, guard)
        outbox = self._router.outbox
        scheduler = Scheduler(engine.lanes)
        self._announcer = Announcer(outbox, store, scheduler)
        seeker = Seeker(decoders.cuts, lambda: scheduler.closed)
        self._records = Records(
            store=store,
            scheduler=scheduler,
            announcer=self._announcer,
            engine=engine,
            probe=decoders.probe,
            seeker=seeker,
            outbox=outbox,
        )
        speeds = Speeds(store, (info.sha256 for info in engine.infos()), engine.providers[0])
        self._desk = Desk(
            scheduler=scheduler,
            engine=engine,
            records=Clerk("records", self._records.handle, outbox, JOBS_MAX),
            cancels=Clerk("cancels", self._records.handle, outbox, JOBS_MAX),
            uploads=Clerk("uploads", self._records.handle, outbox, _UPLOADS_WAITING_MAX),
            probes=Clerk("probes", self._records.handle, outbox, _LOOKS_WAITING_MAX),
            cuts=Clerk("cuts", self._records.handle, outbox, _LOOKS_WAITING_MAX),
            seeker=seeker,
            speeds=speeds,
            upkeep=Upkeep(store, engine),
            stored_max_bytes=limits.stored_max_bytes,
            upload_max_bytes=limits.upload_max_bytes,
        )
        production = Production(engine, store, scheduler, self._announcer, speeds)
        # Twice as many as run: a paused job keeps its lane.
        lanes = range(2 * engine.lanes)
        self._lanes = [Lane(number, scheduler, store, production) for number in lanes]

    @property
    def address(self) -> str:
        """Where it listens."""
        return self._router.address

    def run(self) -> None:
        """Serve until told to stop by ``stop`` or by a client."""
        desk = self._desk
        self._records.resume()
        clerks = [desk.records, desk.cancels, desk.uploads, desk.probes, desk.cuts]
        threads: list[Thread] = [*clerks, desk.upkeep]
        for thread in (*threads, *self._lanes):
            thread.start()
        self._announcer.start()
        answer = partial(handle, desk=desk)
        while not self._stop.is_set() and desk.ending_for is None:
            self._router.turn(answer)
        note(_log, "ending", jobs=len(desk.scheduler))
        desk.scheduler.close()
        for closing in (desk.uploads, desk.probes, desk.cuts, desk.upkeep, self._announcer):
            closing.close()
        end_s = time.monotonic() + _END_S
        while any(lane.is_alive() for lane in self._lanes) and time.monotonic() < end_s:
            self._router.turn(answer, ending=True)
        desk.records.close()
        desk.cancels.close()
        for thread in threads:
            thread.join(max(0.0, end_s - time.monotonic()))
        if desk.ending_for is not None:
            asked = desk.ending_for
            self._router.outbox.tell(asked.client, Goodbye(), asked.request_id)
        self._router.send_waiting()

    def stop(self) -> None:
        """Ask ``run`` to end; may be called from a signal handler or another thread."""
        self._stop.set()

    def close(self) -> None:
        """Give up the address."""
        self._router.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
