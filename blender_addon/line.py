"""The line to the server: made, lost, made again. Lives on the client thread; no bpy here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import Protocol

from foleyline_contract import messages as m
from foleyline_contract.codec import Envelope
from foleyline_contract.errors import Cancelled, FoleyError, ServerLost, TransportError

from . import notices as n

log = logging.getLogger(__name__)

FIRST_RETRY_S, RETRY_MAX_S = 1.0, 30.0
GOODBYE_S = 0.5
SILENT = ServerLost(
    "The server has not answered for a while.",
    remedy="Jobs go on as soon as it does. If it stays so, stop it and start it again.",
)


class SessionLike(Protocol):
    """What is needed of foleyline_client.session.Session."""

    def hello(self) -> m.Welcome: ...
    def submit(
        self,
        clip: m.Clip,
        settings: m.GenerateSettings,
        origin: m.Origin = ...,
        *,
        batch: bool = ...,
        job_id: str | None = ...,
    ) -> str: ...
    def attach(self, job_ids: Iterable[str]) -> None: ...
    def cancel(self, job_id: str) -> None: ...
    def acknowledge(self, job_ids: Iterable[str]) -> None: ...
    def all_jobs(self, *, unacknowledged: bool = ...) -> tuple[m.JobInfo, ...]: ...
    @property
    def is_connected(self) -> bool: ...
    @property
    def signs(self) -> int: ...
    def status(self, timeout_s: float = ...) -> m.ServerStatus: ...
    def ping(self, timeout_s: float = ...) -> m.Pong: ...
    def upload(
        self,
        path: Path,
        on_progress: Callable[[int, int], None] = ...,
        check: Callable[[], None] = ...,
    ) -> str: ...
    def find_cuts(
        self, clip: m.Clip, *, check: Callable[[], None] = ...
    ) -> tuple[Fraction, ...]: ...
    def poll(self, timeout_s: float) -> Envelope | None: ...
    def close(self) -> None: ...


Connector = Callable[[n.Connect, Callable[[str], None]], tuple[SessionLike, m.Welcome]]
"""Connects, telling the second argument what it does; blocks. Raises FoleyError."""


class Line:
    """At most one session, and what to do when it breaks."""

    def __init__(self, connector: Connector, put: Callable[[n.Notice], None]) -> None:
        self._connector = connector
        self._put = put
        self._retry_s = FIRST_RETRY_S
        self._retry_at = 0.0
        self._to_cancel: set[str] = set()
        self._to_forget: set[str] = set()
        self._signs: int | None = None
        """Messages that had come when the line fell silent."""
        self._connected: n.Connected | None = None
        self.abort = threading.Event()
        """Ends an attempt to connect; may be set by any thread."""
        self.session: SessionLike | None = None
        self.order: n.Connect | None = None
        """What to connect to again when the line breaks; None: it never stood."""
        self.problem: n.Problem | None = None
        self.opens_paths = True

    @property
    def wanted(self) -> bool:
        """Whether it stands or will be tried again."""
        return self.order is not None

    @property
    def is_silent(self) -> bool:
        """Whether it stands, but nothing has come over it for a while."""
        return self._signs is not None

    @property
    def is_due(self) -> bool:
        """Whether it is time to try again."""
        return self.session is None and self.wanted and monotonic() >= self._retry_at

    def connect(self, order: n.Connect) -> SessionLike:
        """Make the line.

        Raises:
            FoleyError: there is no connection; see ``lost``.
        """
        self.abort.clear()
        self.problem = None
        self._put(n.Connecting("Connecting…"))
        session, welcome = self._connector(order, self._status)
        self.session, self.order = session, order
        self._welcome(order, welcome)
        self.tidy()
        return session

    def refresh(self) -> None:
        """Ask anew what the server has: it measures its models as it works."""
        if self.session is not None and self.order is not None:
            self._welcome(self.order, self.session.hello())

    def again(self) -> SessionLike | None:
        """Make the line that was lost once more; raises as ``connect`` does."""
        return None if self.order is None else self.connect(self.order)

    def is_well(self) -> None:
        """Something was heard: the next loss is a new one."""
        self._retry_s = FIRST_RETRY_S

    def is_heard_again(self) -> bool:
        """Whether something came over a line that was silent."""
        if self.session is None or self._signs is None or self.session.signs == self._signs:
            return False
        self._signs, self.problem = None, None
        if self._connected is not None:
            self._put(self._connected)
        return True

    def lost(self, error: FoleyError) -> bool:
        """The line could not be made, broke or fell silent; whether there will be one again.

        A silent one is kept: a long take may be coming in slowly, and would begin anew.
        """
        log.warning("no connection: %s %s", error.code, error.detail)
        if self.session is not None and self.session.is_connected and isinstance(error, ServerLost):
            if not self.is_silent:
                self.problem = n.Problem.of(SILENT)
                self._put(n.Disconnected(self.problem, 0.0))
            self._signs = self.session.signs
            return True
        self._signs = None
        self.problem = n.Problem.of(error)
        if self.session is not None:
            self.session.close()
            self.session = None
        if self.order is None or not isinstance(error, TransportError):
            self.order = None
            self._put(n.Disconnected(self.problem))
            return False
        self._retry_at = monotonic() + self._retry_s
        self._put(n.Disconnected(self.problem, self._retry_s))
        self._retry_s = min(RETRY_MAX_S, 2 * self._retry_s)
        return True

    def give_up(self) -> None:
        """Do not try again."""
        self.hang_up()
        self.order = None

    def hang_up(self) -> None:
        """Close the session, once the server has heard all that was said."""
        self._signs = None
        if self.session is None:
            return
        with suppress(FoleyError):
            self.tidy()
            self.session.ping(GOODBYE_S)  # closing drops what was not sent yet
        self.session.close()
        self.session = None

    def cancel(self, job_id: str) -> bool:
        """Cancel a job; False when its end cannot be waited for."""
        if self.session is None:
            self._to_cancel.add(job_id)
            return False
        self.session.cancel(job_id)
        return not self.is_silent

    def forget(self, job_ids: Iterable[str]) -> None:
        """Acknowledge jobs, now or as soon as there is a connection."""
        self._to_forget.update(job_ids)
        self.tidy()

    def tidy(self) -> None:
        """Say what could not be said while there was no connection."""
        if self.session is None:
            return
        for job_id in self._to_cancel:
            self.session.cancel(job_id)
        if self._to_forget:
            self.session.acknowledge(sorted(self._to_forget))
        self._to_cancel.clear()
        self._to_forget.clear()

    def _welcome(self, order: n.Connect, welcome: m.Welcome) -> None:
        self.opens_paths = welcome.opens_paths
        device = welcome.providers[0] if welcome.providers else ""
        self._connected = n.Connected(
            order.address,
            welcome.server_version,
            welcome.bundles,
            welcome.default_bundle,
            device.removesuffix("ExecutionProvider"),
            welcome.opens_paths,
        )
        self._put(self._connected)

    def _status(self, text: str) -> None:
        if self.abort.is_set():
            raise Cancelled("The connection attempt was cancelled.")
        self._put(n.Connecting(text))
