"""Jobs as Blender's main thread knows them, from the click to the take's place. No bpy here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from foleyline_contract.messages import Clip, GenerateSettings

from . import notices as n
from .notebook import Note
from .shot import Shot

CANCELLED = "cancelled"
_ETA_MIN_FRACTION = 0.03
_ETA_MIN_S = 1.0


class State(Enum):
    """Where a job is."""

    HELD = auto()
    """The server is not known yet, or other strips are being rendered."""
    RENDERING = auto()
    """Its picture is being rendered by a second Blender."""
    WAITING = auto()
    """Sent; the server has not begun."""
    RUNNING = auto()
    LANDING = auto()
    """It has ended; its takes are not on the timeline yet."""
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()


OPEN = frozenset({State.HELD, State.RENDERING, State.WAITING, State.RUNNING})
"""Something is still to come from Blender's render or the server."""


@dataclass(slots=True)
class Job:
    """One job; its note says where its takes belong."""

    note: Note
    settings: GenerateSettings
    clip: Clip | None = None
    """None until its picture is rendered."""
    shot: Shot | None = None
    """What has to be rendered, if anything."""
    quality: str | None = None
    """Name in foleyline_contract.quality; None: the settings have the steps."""
    batch: bool = False
    state: State = State.HELD
    away: bool = False
    """Whether its file is closed: it is still rendered and sent, then left to the server."""
    takes: list[n.TakeWritten] = field(default_factory=list[n.TakeWritten])
    stage: str = "queued"
    step: int = 0
    steps: int = 0
    fraction: float = 0.0
    ahead: int = 0
    began_s: float | None = None
    cancelling: bool = False
    problem: n.Problem | None = None
    landed: int = 0
    """Of its places, how many have their takes."""
    forgotten: bool = False
    """Whether the server was told that nobody needs its takes any more."""
    remark: str = ""
    """What became of its takes, where that is not as wished."""

    @property
    def job_id(self) -> str:
        return self.note.job_id

    @property
    def label(self) -> str:
        return self.note.label

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to it."""
        return not self.is_open and self.state is not State.LANDING

    @property
    def weight(self) -> float:
        """How much work it is, in any unit: frames times takes times steps."""
        return self.note.frames * self.settings.takes * (self.settings.steps or 1)

    def time_left_s(self, now_s: float) -> float | None:
        """Seconds left at its own pace; None while that would be a guess."""
        if self.began_s is None or self.state is not State.RUNNING:
            return None
        return left_s(now_s - self.began_s, self.fraction)

    def hear(self, notice: n.AboutJob, now_s: float) -> None:
        """Take in what the client thread said of it; an end lets its takes land first."""
        if not self.is_open:
            return
        match notice:
            case n.Queued(ahead=ahead):
                self.ahead = ahead
            case n.Advanced():
                self._advance(notice, now_s)
            case n.TakeWritten():
                if all(take.take != notice.take for take in self.takes):
                    self.takes.append(notice)
            case n.Ended(problem=problem):
                self.end(problem)

    def end(self, problem: n.Problem | None) -> None:
        """Nothing more comes from the server."""
        self.problem, self.fraction = problem, 1.0
        self.state = State.LANDING if self.takes else self.outcome

    @property
    def outcome(self) -> State:
        """What it is when its takes have landed."""
        if self.problem is None:
            return State.DONE
        return State.CANCELLED if self.problem.code == CANCELLED else State.FAILED

    def _advance(self, notice: n.Advanced, now_s: float) -> None:
        self.stage, self.step, self.steps = notice.stage, notice.step, notice.steps
        self.fraction = min(1.0, max(self.fraction, notice.fraction))
        if notice.stage not in ("queued", "uploading"):
            self.state = State.RUNNING
            if self.began_s is None:
                self.began_s = now_s


def left_s(elapsed_s: float, fraction: float) -> float | None:
    """Seconds left at the pace so far; None while that would be a guess."""
    if fraction < _ETA_MIN_FRACTION or elapsed_s < _ETA_MIN_S:
        return None
    return elapsed_s * (1 - fraction) / fraction


def total_fraction(jobs: Iterable[Job]) -> float:
    """How far jobs are together, each by its work; 0 to 1."""
    done = whole = 0.0
    for job in jobs:
        whole += job.weight
        done += job.weight * job.fraction
    return done / whole if whole else 0.0
