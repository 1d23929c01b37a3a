"""The client thread: owns the session and the socket, and never touches bpy.

Blender's main thread puts orders into one queue and takes notices out of another; neither
waits for the other. All waiting for the network and all writing of WAVs happens here.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Protocol

from foleyline_client.audio_file import unique_path, write_wav
from foleyline_contract import messages as m
from foleyline_contract.codec import Envelope
from foleyline_contract.errors import Cancelled, FoleyError, OutputUnwritable, ServerUnreachable

from . import notices as n
from .naming import take_stem

log = logging.getLogger(__name__)

BUSY_POLL_S = 0.05
"""Longest wait for the server while jobs run, so also the longest a cancel waits here."""
IDLE_POLL_S = 0.25
STOP_TIMEOUT_S = 3.0
GOODBYE_S = 0.5
_LAST_WORDS = (m.JobCancelled, m.JobFinished, m.Failed)


class SessionLike(Protocol):
    """What the bridge needs of foleyline_client.session.Session."""

    def submit(self, clip: m.Clip, settings: m.GenerateSettings) -> str: ...
    def cancel(self, job_id: str) -> None: ...
    def poll(self, timeout_s: float) -> Envelope | None: ...
    def close(self) -> None: ...


Connector = Callable[[n.Connect, Callable[[str], None]], tuple[SessionLike, m.Welcome]]
"""Connects, telling the second argument what it does; blocks. Raises FoleyError."""


class Bridge:
    """Queues on the outside, one thread with the session on the inside."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._orders: queue.SimpleQueue[n.Order] = queue.SimpleQueue()
        self._notices: queue.SimpleQueue[n.Notice] = queue.SimpleQueue()
        self._abort = threading.Event()
        self._session: SessionLike | None = None
        self._problem: n.Problem | None = None
        self._jobs: dict[str, n.Submit] = {}
        """Job id to what was asked."""
        self._thread = threading.Thread(target=self._run, name="foleyline-client", daemon=True)
        self._thread.start()

    # ---- main thread -------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def order(self, order: n.Order) -> None:
        """Queue an order; returns at once. Withdraw and Stop also end a connection attempt."""
        if isinstance(order, n.Withdraw | n.Stop):
            self._abort.set()
        self._orders.put(order)

    def take_notice(self) -> n.Notice | None:
        """The oldest notice not yet taken; never waits."""
        try:
            return self._notices.get_nowait()
        except queue.Empty:
            return None

    def close(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Cancel everything and end the thread; False if it did not end in time."""
        self.order(n.Stop())
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # ---- client thread -----------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._hang_up()

    def _turn(self) -> bool:
        """One round: all orders, then what the server says. False: stop."""
        while (order := self._next_order()) is not None:
            if isinstance(order, n.Stop):
                return False
            try:
                self._obey(order)
            except FoleyError as error:
                self._lost(error)
        if self._session is not None:
            try:
                self._listen(self._session)
            except FoleyError as error:
                self._lost(error)
        return True

    def _next_order(self) -> n.Order | None:
        try:
            if self._jobs:
                return self._orders.get_nowait()
            return self._orders.get(timeout=IDLE_POLL_S)
        except queue.Empty:
            return None

    def _obey(self, order: n.Order) -> None:
        match order:
            case n.Connect():
                self._connect(order)
            case n.Submit():
                self._submit(order)
            case n.Withdraw():
                self._withdraw(order.request_id)
            case _:
                pass

    def _connect(self, order: n.Connect) -> None:
        self._hang_up()
        self._abort.clear()
        self._problem = None
        self._notices.put(n.Connecting("Connecting…"))
        self._session, welcome = self._connector(order, self._status)
        device = welcome.providers[0] if welcome.providers else ""
        self._notices.put(
            n.Connected(
                order.address,
                welcome.server_version,
                welcome.bundles,
                welcome.default_bundle,
                device.removesuffix("ExecutionProvider"),
            )
        )

    def _status(self, text: str) -> None:
        if self._abort.is_set():
            raise Cancelled("The connection attempt was cancelled.")
        self._notices.put(n.Connecting(text))

    def _submit(self, order: n.Submit) -> None:
        if self._session is None:
            missing = n.Problem.of(ServerUnreachable("There is no connection to the server."))
            self._notices.put(n.Ended(order.request_id, self._problem or missing))
            return
        try:
            _make_folder(order.folder)  # before an hour's work, not after it
        except OutputUnwritable as error:
            self._notices.put(n.Ended(order.request_id, n.Problem.of(error)))
            return
        self._jobs[self._session.submit(order.clip, order.settings)] = order

    def _withdraw(self, request_id: str) -> None:
        for job_id, job in self._jobs.items():
            if job.request_id == request_id and self._session is not None:
                self._session.cancel(job_id)
                return
        # Never sent, or already over: the board ignores the end of what has ended.
        self._notices.put(n.Ended(request_id, n.Problem.of(Cancelled("Cancelled."))))

    def _listen(self, session: SessionLike) -> None:
        envelope = session.poll(BUSY_POLL_S if self._jobs else 0.0)
        while envelope is not None:
            self._hear(envelope)
            envelope = session.poll(0.0)

    def _hear(self, envelope: Envelope) -> None:
        match envelope.message:
            case m.Accepted(job_id=job_id, ahead=ahead) if job_id in self._jobs:
                self._notices.put(n.Queued(self._jobs[job_id].request_id, ahead))
            case m.Progress(job_id=job_id) as event if job_id in self._jobs:
                self._notices.put(
                    n.Advanced(
                        self._jobs[job_id].request_id,
                        event.stage,
                        event.step,
                        event.steps,
                        event.fraction,
                    )
                )
            case m.TakeFinished(job_id=job_id) as event if job_id in self._jobs:
                self._write(self._jobs[job_id], event, envelope)
            case m.JobFinished(job_id=job_id):
                self._end(job_id, None)
            case m.JobCancelled(job_id=job_id):
                self._end(job_id, n.Problem.of(Cancelled("Cancelled.")))
            case m.Failed() as event:
                job_id = event.job_id or envelope.reply_to or ""
                self._end(job_id, n.Problem(event.code, event.message, event.remedy))
            case _:
                log.debug("ignored %s", type(envelope.message).__name__)

    def _write(self, job: n.Submit, event: m.TakeFinished, envelope: Envelope) -> None:
        stem = take_stem(job.strip_name, event.seed, event.take, event.takes)
        path = unique_path(job.folder / f"{stem}.wav")
        try:
            _make_folder(job.folder)  # it may be gone by now
            write_wav(path, envelope.parts[0], provenance=event.provenance)
        except FoleyError as error:
            self._fail(event.job_id, error)
            return
        log.info("job %s: take %d of %d written", event.job_id, event.take + 1, event.takes)
        self._notices.put(
            n.TakeWritten(
                job.request_id,
                path,
                event.take,
                event.takes,
                event.seed,
                event.sample_count,
                event.peak_dbfs,
                event.log_p_aligned,
                event.provenance,
            )
        )

    def _fail(self, job_id: str, error: FoleyError) -> None:
        """End one job on our side: its result cannot be kept."""
        if self._session is not None:
            self._session.cancel(job_id)
        self._end(job_id, n.Problem.of(error))

    def _end(self, job_id: str, problem: n.Problem | None) -> None:
        job = self._jobs.pop(job_id, None)
        if job is not None:
            log.info("job %s: %s", job_id, "finished" if problem is None else problem.code)
            self._notices.put(n.Ended(job.request_id, problem))

    def _lost(self, error: FoleyError) -> None:
        """The connection failed or broke: every job ends with it."""
        log.warning("no connection: %s", error.code)
        self._problem = n.Problem.of(error)
        for job_id in list(self._jobs):
            self._end(job_id, self._problem)
        self._hang_up()
        self._notices.put(n.Disconnected(self._problem))

    def _hang_up(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        with suppress(FoleyError):  # a lost server needs no cancelling
            for job_id in self._jobs:
                session.cancel(job_id)
            # Closing drops what was not sent yet, so stay until the server has answered.
            end_s = monotonic() + GOODBYE_S
            while self._jobs and monotonic() < end_s:
                envelope = session.poll(BUSY_POLL_S)
                if envelope is not None and isinstance(envelope.message, _LAST_WORDS):
                    self._jobs.pop(envelope.message.job_id or "", None)
        self._jobs.clear()
        session.close()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(folder)
    except OSError as error:
        raise OutputUnwritable(
            f"The takes folder '{folder.name}' cannot be written to.", detail=str(error)
        ) from error
