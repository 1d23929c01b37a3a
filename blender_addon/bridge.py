"""The client thread: owns the session and the socket, and never touches bpy.

Blender's main thread puts orders into one queue and takes notices out of another; neither
waits for the other. All waiting for the network and all writing of WAVs happens here. Jobs
outlive the line: when it is lost they are sent again, under their ids, over the next.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

from foleyline_contract import messages as m
from foleyline_contract.errors import (
    Cancelled,
    FoleyError,
    InputError,
    OutputUnwritable,
    ServerLost,
    ServerUnreachable,
)

from . import notices as n
from .delivery import Deliveries, Errand, cancelled, check_folder
from .line import Connector, Line, SessionLike
from .naming import take_path
from .notebook import Notebook
from .shot_finder import ShotFinder

log = logging.getLogger(__name__)

BUSY_POLL_S = 0.05
"""Longest wait for the server while jobs run, so also the longest a cancel waits here."""
IDLE_POLL_S = 0.25
STOP_TIMEOUT_S = 3.0
LOAD_EVERY_S = 5.0
LOAD_ANSWER_S = 1.0
"""Orders wait as long; a line that is busy with a take may take longer to answer."""


class Bridge:
    """Queues on the outside, one thread with the session on the inside."""

    def __init__(self, connector: Connector, notebook: Notebook) -> None:
        self._notebook = notebook
        self._orders: queue.SimpleQueue[n.Order] = queue.SimpleQueue()
        self._notices: queue.SimpleQueue[n.Notice] = queue.SimpleQueue()
        self._line = Line(connector, self._notices.put)
        self._deliveries = Deliveries(self._notices.put)
        self._shots = ShotFinder(connector, self._notices.put)
        self._withdrawn: set[str] = set()
        self._load_at = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="foleyline-client", daemon=True)
        self._thread.start()

    # ---- main thread -------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def order(self, order: n.Order) -> None:
        """Queue an order; returns at once. Some also end what the thread waits for."""
        if isinstance(order, n.Withdraw):
            self._withdrawn.add(order.job_id)
        if isinstance(order, n.Stop):
            self._stopping = True
        if isinstance(order, n.Stop | n.StopFinding):
            self._shots.stop()
        if isinstance(order, n.Stop) or (isinstance(order, n.Withdraw) and order.last):
            self._line.abort.set()
        self._orders.put(order)

    def take_notice(self) -> n.Notice | None:
        """The oldest notice not yet taken; never waits."""
        try:
            return self._notices.get_nowait()
        except queue.Empty:
            return None

    def close(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """End the thread, not the jobs; False if it did not end in time."""
        self.order(n.Stop())
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # ---- client thread -----------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._line.hang_up()

    def _turn(self) -> bool:
        """One round: all orders, then what the server says. False: stop."""
        while (order := self._next_order()) is not None:
            if isinstance(order, n.Stop):
                return False
            self._guarded(lambda order=order: self._obey(order))
        if self._line.is_due:
            self._guarded(lambda: self._resume(self._line.again()))
        self._guarded(self._listen)
        return True

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except FoleyError as error:
            if not self._line.lost(error) and self._line.problem is not None:
                self._deliveries.end_all(self._line.problem)

    def _next_order(self) -> n.Order | None:
        try:
            if self._deliveries.open and self._line.session is not None:
                return self._orders.get_nowait()
            return self._orders.get(timeout=IDLE_POLL_S)
        except queue.Empty:
            return None

    def _obey(self, order: n.Order) -> None:
        match order:
            case n.Connect():
                self._line.give_up()
                self._resume(self._line.connect(order))
            case n.Submit() | n.Adopt():
                self._take_on(order)
            case n.Withdraw():
                self._withdraw(order)
            case n.Forget(job_ids=job_ids):
                self._notebook.drop(job_ids)
                self._line.forget(job_ids)
            case n.LookAround():
                self._look_around()
            case n.FindShots():
                self._find_shots(order)
            case n.Leave(job_ids=job_ids):
                self._deliveries.leave(job_ids)
            case _:
                pass

    def _resume(self, session: SessionLike | None) -> None:
        """A new line: send all open jobs, which the server may have or not."""
        for errand in self._deliveries.open.values() if session else ():
            errand.sent = False
        self._go_on(session)

    def _go_on(self, session: SessionLike | None) -> None:
        """The server is there: send what was not sent over this line yet."""
        waiting = [errand for errand in self._deliveries.open.values() if not errand.sent]
        for errand in waiting if session else ():
            self._send(session, errand)
        self._look_around()

    def _take_on(self, order: n.Submit | n.Adopt) -> None:
        errand = self._deliveries.add(order)
        if not self._line.wanted:
            missing = n.Problem.of(ServerUnreachable("There is no connection to the server."))
            self._deliveries.end(errand.job_id, self._line.problem or missing)
            return
        try:
            check_folder(take_path(order.note.target, 0, 0, 1).parent)
            self._notebook.write(order.note)
        except OutputUnwritable as error:
            self._deliveries.end(errand.job_id, n.Problem.of(error))
            return
        if self._line.session is not None:
            self._send(self._line.session, errand)

    def _send(self, session: SessionLike | None, errand: Errand) -> None:
        order = errand.order
        if session is None:
            return
        if isinstance(order, n.Adopt):
            session.attach((errand.job_id,))
            errand.sent = True
            return
        if not self._line.opens_paths and errand.clip.upload is None:
            try:
                self._upload(session, errand)
            except (Cancelled, InputError) as error:
                self._deliveries.end(errand.job_id, n.Problem.of(error))
                return
        session.submit(
            errand.clip, order.settings, order.origin, batch=order.batch, job_id=errand.job_id
        )
        errand.sent = True

    def _upload(self, session: SessionLike, errand: Errand) -> None:
        """Send the clip's file; raises Cancelled when the artist wants the job no more."""
        job_id, path = errand.job_id, Path(errand.clip.path)

        def check() -> None:
            if self._stopping or job_id in self._withdrawn:
                raise Cancelled("Cancelled.")

        def progress(done_bytes: int, size_bytes: int) -> None:
            done_mib, size_mib = done_bytes >> 20, size_bytes >> 20
            self._notices.put(n.Advanced(job_id, "uploading", done_mib, size_mib, 0.0))

        upload = session.upload(path, progress, check)
        errand.clip = replace(errand.clip, path=path.name, upload=upload)

    def _find_shots(self, order: n.FindShots) -> None:
        if self._line.order is not None:
            self._shots.find(order, self._line.order)
            return
        missing = n.Problem.of(ServerUnreachable("There is no connection to the server."))
        for ask_id, _ in order.clips:
            self._notices.put(n.ShotsFound(ask_id, (), self._line.problem or missing))

    def _withdraw(self, order: n.Withdraw) -> None:
        self._withdrawn.discard(order.job_id)
        if order.job_id not in self._deliveries.open:
            self._notices.put(n.Ended(order.job_id, cancelled()))  # never sent, or over already
        elif not self._line.cancel(order.job_id):
            self._deliveries.end(order.job_id, cancelled())
            if order.last:
                self._line.give_up()
                self._notices.put(n.Disconnected())

    def _look_around(self) -> None:
        if self._line.session is not None and not self._line.is_silent:
            jobs = self._line.session.all_jobs(unacknowledged=True)
            notes = self._notebook.read(job.job_id for job in jobs)
            self._notices.put(n.Found(jobs, notes))

    def _listen(self) -> None:
        session = self._line.session
        if session is None:
            return
        if self._line.is_heard_again():
            self._go_on(session)
        self._ask_load(session)
        busy = bool(self._deliveries.open)
        envelope = session.poll(BUSY_POLL_S if busy else 0.0)
        while envelope is not None:
            self._line.is_well()
            try:
                self._deliveries.hear(envelope)
            except OutputUnwritable as error:
                self._cannot_write(session, envelope.message, error)
            envelope = session.poll(0.0)
        if busy and not self._deliveries.open:
            self._line.refresh()

    def _ask_load(self, session: SessionLike) -> None:
        if monotonic() < self._load_at or self._line.is_silent:
            return
        self._load_at = monotonic() + LOAD_EVERY_S
        with suppress(ServerLost):  # whether it is lost is for the heartbeat to say
            status = session.status(LOAD_ANSWER_S)
            self._notices.put(n.ServerLoad(status.running + status.queued, repr(status)))

    def _cannot_write(self, session: SessionLike, event: m.Message, error: FoleyError) -> None:
        """End the job here: its takes cannot be kept. Those it has stay with the server."""
        if isinstance(event, m.TakeFinished):
            session.cancel(event.job_id)
            self._deliveries.end(event.job_id, n.Problem.of(error))
