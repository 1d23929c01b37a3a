"""Frozen events: all that a server can say to a client.

``docs/protocol.md`` is the authority on their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from foleyline_contract.requests import Generate
from foleyline_contract.version import PROTOCOL_VERSION

SILENCE_DBFS = -200.0
"""Peak of a take without any sound: the wire knows no infinity."""


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """One installed bundle, as a user chooses it."""

    name: str
    version: str
    family: str
    licence: str
    description: str
    sha256: str
    sampler: str
    steps: int
    cfg_scale: float
    align_scale: float
    vocoder: str
    picture_width_px: int
    picture_height_px: int
    picture_fps: Fraction
    speed: float | None = None
    """Seconds of work for a second of clip at the default steps, as last measured here."""
    palette: tuple[str, ...] = ()
    """Categories of sound that it can be asked for."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """The server's answer to Hello."""

    server_version: str
    bundles: tuple[BundleInfo, ...]
    default_bundle: str
    providers: tuple[str, ...]
    """ONNX Runtime execution providers in use, best first."""
    protocol_version: int = PROTOCOL_VERSION
    run_id: str = ""
    """Fresh at every start of the server, so that a client notices a restart."""
    opens_paths: bool = True
    """Whether the server opens files by path for this client; else it uploads them."""
    upload_max_bytes: int = 0
    """Largest file that may be uploaded."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What a file shows."""

    duration_s: Fraction
    """From its first picture's time stamp to the end of its last picture."""
    fps: Fraction
    """Average, for display; variable rates are normal."""
    width_px: int
    height_px: int
    has_sound: bool


@dataclass(frozen=True, slots=True)
class CutsFound:
    """Where other shots begin."""

    cuts_s: tuple[Fraction, ...]
    """Rising, seconds of timeline after the clip's start; its start itself is none."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job is queued with ``ahead`` jobs before it."""

    job_id: str
    ahead: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the job is. ``stage`` is one of PROGRESS_STAGES; step counts within it."""

    job_id: str
    stage: str
    step: int
    steps: int
    fraction: float
    """Of the whole job, in [0, 1], never falling."""


PROGRESS_STAGES = ("queued", "loading", "decoding", "encoding", "sampling", "vocoding")


@dataclass(frozen=True, slots=True)
class TakeFinished:
    """One take is ready. Binary part 0 is its sound: 48 kHz mono 24-bit little-endian PCM."""

    job_id: str
    take: int
    takes: int
    seed: int
    """The seed that, with ``take`` 0 and the same settings, gives this very take again."""
    sample_count: int
    peak_dbfs: float
    """Finite; SILENCE_DBFS when there is no sound at all."""
    log_p_aligned: float | None
    """Mean log-probability of the alignment classifier for the final latent, if it ran."""
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Bundle name and sha256, settings as used, clip span, versions, licence."""
    loudness_lufs: float | None = None
    """Integrated loudness; None for a take too short or too quiet to have one."""
    flags: tuple[str, ...] = ()
    """Some of TAKE_FLAGS."""


TAKE_FLAGS = ("near_silent", "rerolled")
"""``near_silent``: hardly a sound. ``rerolled``: the first seed gave hardly a sound, so another
was tried; the take's ``seed`` is the one that was kept."""


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One job, as the server's store has it."""

    job_id: str
    state: str
    """One of JOB_STATES."""
    request: Generate
    bundle: str
    fraction: float
    takes_done: int
    acknowledged: bool
    created_unix_s: float
    elapsed_s: float | None = None
    """Since it left the queue; None before."""
    code: str = ""
    """Of the error that ended it, with message and remedy; empty unless it failed."""
    message: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class JobList:
    """Jobs that the client may know of, oldest first."""

    jobs: tuple[JobInfo, ...]
    more: bool = False
    """Whether others follow behind the last one."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The server may let go of these jobs' takes."""

    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Uploaded:
    """How much of an upload the server has, from its start."""

    sha256: str
    received_bytes: int


@dataclass(frozen=True, slots=True)
class JobFinished:
    """All takes of the job have been sent."""

    job_id: str
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class JobCancelled:
    """The job has stopped at its owner's wish; nothing more follows."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A request failed. ``job_id`` is set when it ended a job."""

    code: str
    message: str
    remedy: str
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How the server is."""

    running: int
    queued: int
    uptime_s: float
    stored_bytes: int
    """What takes, features and uploads hold on the disk."""
    stored_max_bytes: int
    unacknowledged_bytes: int
    """Of that, takes which nobody has acknowledged."""
    free_bytes: int
    """Left on the store's disk."""
    memory_bytes: int
    """Resident memory; 0 where the system does not say."""
    loaded: tuple[str, ...] = ()
    """Bundles in memory."""


@dataclass(frozen=True, slots=True)
class Pong:
    """A sign of life."""

    jobs: int
    """Running and waiting jobs."""
    run_id: str = ""
    """The same as in Welcome."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The server ends now."""


Event = (
    Welcome
    | Accepted
    | Progress
    | TakeFinished
    | JobFinished
    | JobCancelled
    | Failed
    | JobList
    | Acknowledged
    | Uploaded
    | Probed
    | CutsFound
    | ServerStatus
    | Pong
    | Goodbye
)
