"""What the add-on knows about the server and its own requests. No bpy here.

The pump feeds notices in, the panel and the operators read. Everything lives on Blender's
main thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from foleyline_contract.errors import ServerError
from foleyline_contract.messages import BundleInfo

from . import notices as n

CANCELLED = "cancelled"
_ETA_MIN_FRACTION = 0.03
_ETA_MIN_S = 1.0


class Link(Enum):
    """The state of the connection."""

    OFF = auto()
    CONNECTING = auto()
    READY = auto()
    FAILED = auto()


@dataclass(slots=True)
class Request:
    """One strip's generation, from click to strip."""

    request_id: str
    strip_name: str
    takes: list[n.TakeWritten] = field(default_factory=list[n.TakeWritten])
    stage: str = "queued"
    step: int = 0
    steps: int = 0
    fraction: float = 0.0
    ahead: int = 0
    ended: bool = False
    cancelling: bool = False
    problem: n.Problem | None = None

    @property
    def cancelled(self) -> bool:
        return self.problem is not None and self.problem.code == CANCELLED


@dataclass(slots=True)
class Board:
    """The connection, the running requests and the last thing that went wrong."""

    link: Link = Link.OFF
    link_text: str = ""
    address: str = ""
    server_version: str = ""
    device: str = ""
    bundles: tuple[BundleInfo, ...] = ()
    default_bundle: str = ""
    problem: n.Problem | None = None
    requests: dict[str, Request] = field(default_factory=dict[str, Request])
    started_s: float | None = None
    """When the running requests made their first progress."""

    @property
    def busy(self) -> bool:
        """Whether any request has not ended."""
        return any(not request.ended for request in self.requests.values())

    @property
    def connecting(self) -> bool:
        return self.link is Link.CONNECTING

    @property
    def current(self) -> Request | None:
        """The request that is furthest along among those not ended."""
        open_requests = [r for r in self.requests.values() if not r.ended]
        return max(open_requests, key=lambda r: r.fraction, default=None)

    @property
    def fraction(self) -> float:
        """How far all requests are together, 0 to 1."""
        if not self.requests:
            return 0.0
        done = sum(1.0 if r.ended else r.fraction for r in self.requests.values())
        return done / len(self.requests)

    def time_left_s(self, now_s: float) -> float | None:
        """Seconds left at the pace so far; None while that would be a guess."""
        if self.started_s is None:
            return None
        elapsed_s = now_s - self.started_s
        if self.fraction < _ETA_MIN_FRACTION or elapsed_s < _ETA_MIN_S:
            return None
        return elapsed_s * (1 - self.fraction) / self.fraction

    def open(self, request_id: str, strip_name: str) -> Request:
        """Note a request that was just handed to the bridge."""
        self.problem = None
        self.requests[request_id] = Request(request_id, strip_name)
        return self.requests[request_id]

    def clear_requests(self) -> None:
        """Forget the requests: their owner has read the outcome."""
        self.requests.clear()
        self.started_s = None

    def connection_wanted(self) -> None:
        """A connection was just ordered."""
        self.link, self.link_text, self.problem = Link.CONNECTING, "Connecting…", None

    def thread_died(self) -> None:
        """The client thread ended by a defect of ours."""
        problem = n.Problem.of(
            ServerError(
                "The connection to the server broke inside Foleyline.",
                remedy="Try again; if it stays, report it with Blender's console output.",
            )
        )
        for request in self.requests.values():
            if not request.ended:
                request.ended, request.problem = True, problem
        self.link, self.problem = Link.FAILED, problem

    def apply(self, notice: n.Notice, now_s: float) -> None:
        """Take in what the client thread said."""
        match notice:
            case n.Connecting(text=text):
                self.link, self.link_text = Link.CONNECTING, text
            case n.Connected():
                self._connected(notice)
            case n.Disconnected(problem=problem):
                self._disconnected(problem)
            case _:
                request = self.requests.get(notice.request_id)
                if request is not None and not request.ended:
                    self._advance(request, notice, now_s)

    def _connected(self, notice: n.Connected) -> None:
        self.link, self.problem = Link.READY, None
        self.address, self.server_version = notice.address, notice.server_version
        self.bundles, self.default_bundle = notice.bundles, notice.default_bundle
        self.device = notice.device

    def _disconnected(self, problem: n.Problem | None) -> None:
        unasked = problem is not None and problem.code != CANCELLED
        self.link = Link.FAILED if unasked else Link.OFF
        self.problem = problem if unasked else None
        self.bundles, self.default_bundle = (), ""

    def _advance(
        self,
        request: Request,
        notice: n.Queued | n.Advanced | n.TakeWritten | n.Ended,
        now_s: float,
    ) -> None:
        match notice:
            case n.Queued(ahead=ahead):
                request.ahead = ahead
            case n.Advanced():
                request.stage, request.step, request.steps = notice.stage, notice.step, notice.steps
                request.fraction = min(1.0, max(request.fraction, notice.fraction))
                if self.started_s is None and notice.stage != "queued":
                    self.started_s = now_s
            case n.TakeWritten():
                request.takes.append(notice)
            case n.Ended(problem=problem):
                request.ended, request.problem = True, problem
                if problem is not None and problem.code != CANCELLED:
                    self.problem = problem
