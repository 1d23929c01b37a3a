"""What the add-on knows about the server and the jobs of this session. No bpy here.

The pump feeds notices in, the panels and the operators read. Everything lives on Blender's
main thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from foleyline_contract.errors import ServerError
from foleyline_contract.messages import BundleInfo

from . import notices as n
from .jobs import CANCELLED, Job, State, left_s, total_fraction

KEPT_PROBLEMS = 10


class Link(Enum):
    """The state of the connection."""

    OFF = auto()
    CONNECTING = auto()
    READY = auto()
    LOST = auto()
    """It broke and will be tried again; jobs wait."""
    FAILED = auto()


@dataclass(slots=True)
class Board:
    """The connection, the jobs and the last thing that went wrong."""

    link: Link = Link.OFF
    link_text: str = ""
    address: str = ""
    server_version: str = ""
    device: str = ""
    opens_paths: bool = True
    bundles: tuple[BundleInfo, ...] = ()
    default_bundle: str = ""
    problem: n.Problem | None = None
    problems: list[n.Problem] = field(default_factory=list[n.Problem])
    """The last ones, for diagnostics."""
    jobs: dict[str, Job] = field(default_factory=dict[str, Job])
    """By id, in the order of their clicks."""
    found: n.Found | None = None
    """What lies at the server, until somebody has looked whose it is."""
    shots: list[n.ShotsFound] = field(default_factory=list[n.ShotsFound])
    """Answers that nobody has taken in yet."""
    search: tuple[int, int] = (0, 0)
    """Long strips whose shots are known, and those that are looked at in all."""
    searched: frozenset[str] = frozenset()
    """Ids of those strips."""
    others: int = 0
    """Jobs of other clients that the server had to do when it was asked last."""
    server_text: str = ""
    began_s: float | None = None
    """When the jobs that run now made their first progress."""
    _burst: set[str] = field(default_factory=set[str])
    """Jobs since nothing was open: what the total counts."""

    @property
    def busy(self) -> bool:
        """Whether any job is open or has takes to be placed."""
        return any(not job.has_ended for job in self.jobs.values())

    @property
    def strips_to_come(self) -> set[str]:
        """Ids of strips for which something has not ended."""
        jobs = (job for job in self.jobs.values() if not job.has_ended)
        return {place.strip_id for job in jobs for place in job.note.places} | self.searched

    @property
    def is_searching(self) -> bool:
        """Whether shots are being looked for."""
        return self.search[1] > 0

    @property
    def connecting(self) -> bool:
        return self.link is Link.CONNECTING

    @property
    def open_jobs(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.is_open]

    @property
    def current(self) -> Job | None:
        """The open job that is furthest along."""
        return max(self.open_jobs, key=lambda job: job.fraction, default=None)

    @property
    def burst(self) -> list[Job]:
        """The jobs that the total counts: those since nothing was open."""
        return [job for job in self.jobs.values() if job.job_id in self._burst]

    @property
    def fraction(self) -> float:
        return total_fraction(self.burst)

    def time_left_s(self, now_s: float) -> float | None:
        """Seconds left for all; None while that would be a guess."""
        return None if self.began_s is None else left_s(now_s - self.began_s, self.fraction)

    def open(self, job: Job) -> None:
        """Note a job that is about to be rendered, sent or fetched."""
        if not self.busy:
            self._burst.clear()
            self.began_s = None
        self.problem = None
        self.jobs[job.job_id] = job
        self._burst.add(job.job_id)

    def in_state(self, state: State) -> list[Job]:
        return [job for job in self.jobs.values() if job.state is state]

    def bundle(self, name: str | None) -> BundleInfo | None:
        """The bundle of that name, or the server's default; None before a server is known."""
        wanted = name or self.default_bundle
        return next((info for info in self.bundles if info.name == wanted), None)

    def drop(self, job_ids: set[str]) -> None:
        """Forget jobs: they are of no interest to anybody any longer."""
        self.jobs = {key: job for key, job in self.jobs.items() if key not in job_ids}
        self._burst -= job_ids

    def connection_wanted(self) -> None:
        """A connection was just ordered."""
        self.link, self.link_text, self.problem = Link.CONNECTING, "Connecting…", None

    def refuse(self, problem: n.Problem) -> None:
        """Something could not even be begun, or ended badly."""
        self.problem = problem
        self.problems = [*self.problems, problem][-KEPT_PROBLEMS:]

    def thread_died(self) -> None:
        """The client thread is gone: nothing more will come from it."""
        problem = n.Problem.of(
            ServerError(
                "The connection to the server broke down.",
                remedy="Try again; if it stays, report it with Blender's console output.",
            )
        )
        for job in self.open_jobs:
            job.end(problem)
        self.link = Link.FAILED
        self.refuse(problem)

    def apply(self, notice: n.Notice, now_s: float) -> None:
        """Take in what the client thread said."""
        match notice:
            case n.Connecting(text=text):
                self.link, self.link_text = Link.CONNECTING, text
            case n.Connected():
                self._connected(notice)
            case n.Disconnected(problem=problem, retry_s=retry_s):
                self._disconnected(problem, retry_s)
            case n.ServerLoad(jobs=jobs, text=text):
                own = len(self.in_state(State.WAITING)) + len(self.in_state(State.RUNNING))
                self.others, self.server_text = max(0, jobs - own), text
            case n.Found():
                self.found = notice
            case n.ShotsFound():
                self.shots.append(notice)
            case _:
                job = self.jobs.get(notice.job_id)
                if job is not None:
                    self._hear(job, notice, now_s)

    def _connected(self, notice: n.Connected) -> None:
        if self.link is not Link.READY:
            self.link, self.problem = Link.READY, None
        self.address, self.server_version = notice.address, notice.server_version
        self.bundles, self.default_bundle = notice.bundles, notice.default_bundle
        self.device, self.opens_paths = notice.device, notice.opens_paths

    def _disconnected(self, problem: n.Problem | None, retry_s: float | None) -> None:
        unasked = problem is not None and problem.code != CANCELLED
        if unasked and retry_s is not None:
            self.link = Link.LOST
            self.link_text = "Server Lost, Trying Again…" if retry_s else "Server Is Not Answering…"
        else:
            self.link = Link.FAILED if unasked else Link.OFF
        self.others = 0
        self.problem = None
        if unasked and problem is not None:
            self.refuse(problem)

    def _hear(self, job: Job, notice: n.AboutJob, now_s: float) -> None:
        was_open = job.is_open
        job.hear(notice, now_s)
        if self.began_s is None and job.began_s is not None:
            self.began_s = now_s
        if was_open and job.problem is not None and job.problem.code != CANCELLED:
            self.refuse(job.problem)
