"""What travels between Blender's main thread and the client thread. No bpy here.

Orders go to the client thread, notices come back. All are small and frozen, so neither
side can change what the other one reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from foleyline_contract.errors import FoleyError
from foleyline_contract.messages import BundleInfo, Clip, GenerateSettings, JobInfo, Origin

from .notebook import Note


@dataclass(frozen=True, slots=True)
class Problem:
    """A FoleyError without its traceback, safe to keep."""

    code: str
    message: str
    remedy: str

    @classmethod
    def of(cls, error: FoleyError) -> Problem:
        return cls(error.code, error.message, error.remedy)


# ---- orders ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect to the server; start it first if asked to and nothing answers."""

    address: str
    start: bool = False
    program: str = ""
    """The server's program; looked for when left out."""
    key: str = ""
    """The key file for a server on another machine; none when left out."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Generate takes of a clip, and write each as the note says."""

    note: Note
    clip: Clip
    settings: GenerateSettings
    origin: Origin
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Adopt:
    """Fetch the takes of a job that the server has already."""

    note: Note
    info: JobInfo


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Cancel a job."""

    job_id: str
    last: bool = False
    """Whether no other job waits, so that a connection in the making is given up as well."""


@dataclass(frozen=True, slots=True)
class Forget:
    """The takes of these jobs are where they belong, or nobody wants them."""

    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookAround:
    """Ask which jobs nobody has acknowledged; answered by Found."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Hear no more of these jobs; they go on at the server."""

    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """End the client thread; the jobs go on at the server."""


@dataclass(frozen=True, slots=True)
class FindShots:
    """Find out where shots begin in clips; each is answered by ShotsFound."""

    clips: tuple[tuple[str, Clip], ...]
    """With what each question is called."""


@dataclass(frozen=True, slots=True)
class StopFinding:
    """Nobody wants to know where shots begin any longer."""


Order = (
    Connect | Submit | Adopt | Withdraw | Forget | LookAround | Leave | FindShots | StopFinding
    | Stop
)  # fmt: skip

# ---- notices ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connecting:
    """What the client thread is doing to get a connection."""

    text: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A server said welcome."""

    address: str
    server_version: str
    bundles: tuple[BundleInfo, ...]
    default_bundle: str
    device: str
    opens_paths: bool = True


@dataclass(frozen=True, slots=True)
class Disconnected:
    """There is no connection (any more); with a problem if nobody asked for that."""

    problem: Problem | None = None
    retry_s: float | None = None
    """Seconds until the next attempt, 0 while the line stands; None: there will be none."""


@dataclass(frozen=True, slots=True)
class ServerLoad:
    """How many jobs of all clients the server has."""

    jobs: int
    text: str
    """The rest of its status, for diagnostics."""


@dataclass(frozen=True, slots=True)
class Found:
    """Jobs that nobody has acknowledged, oldest first, and what was noted about some."""

    jobs: tuple[JobInfo, ...]
    notes: Mapping[str, Note] = field(default_factory=dict[str, Note])
    """By job id."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The server has the job on its disk."""

    job_id: str
    ahead: int


@dataclass(frozen=True, slots=True)
class Advanced:
    job_id: str
    stage: str
    step: int
    steps: int
    fraction: float


@dataclass(frozen=True, slots=True)
class TakeWritten:
    """A take's WAV lies on disk."""

    job_id: str
    path: Path
    take: int
    takes: int
    seed: int
    sample_count: int
    peak_dbfs: float
    log_p_aligned: float | None
    provenance: Mapping[str, Any]
    loudness_lufs: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more follows for this job."""

    job_id: str
    problem: Problem | None = None
    """None: all takes were written. Code ``cancelled``: the artist stopped it."""


@dataclass(frozen=True, slots=True)
class ShotsFound:
    """Where other shots begin in a clip."""

    ask_id: str
    cuts_s: tuple[Fraction, ...]
    """Seconds of timeline after the strip's first visible frame."""
    problem: Problem | None = None
    """Why it is not known."""


AboutJob = Queued | Advanced | TakeWritten | Ended
Notice = Connecting | Connected | Disconnected | ServerLoad | Found | ShotsFound | AboutJob
