"""Frozen requests: all that a client can ask of a server.

``docs/protocol.md`` is the authority on their meaning; codec.py is the only place that turns
them into bytes. Validation happens in the constructors, so a request that exists is a sound one.
"""

from __future__ import annotations

from dataclasses import dataclass

from foleyline_contract.clip import Clip, check_path, check_sha256
from foleyline_contract.errors import SettingInvalid
from foleyline_contract.version import PACKAGE_VERSION

TAKES_MAX = 8
SEED_MAX = 2**31 - 1
"""Seeds fit Blender's integer properties."""
STEPS_MAX = 250
CFG_SCALE_MAX = 20.0
ALIGN_SCALE_MAX = 500.0
LOUDNESS_MIN_LUFS, LOUDNESS_MAX_LUFS = -70.0, -5.0
"""From the gate of EBU R 128 to what no peak limit leaves room for."""
VARIATION = 0.5
NAME_MAX_CHARS = 200
JOBS_PER_LIST = 500
"""Jobs named in one request or told in one answer: far below the header's limit."""
UPLOAD_CHUNK_BYTES = 512 * 1024
JOB_STATES = ("queued", "running", "finished", "failed", "cancelled")


def _check_name(what: str, name: str) -> None:
    if len(name) > NAME_MAX_CHARS:
        raise SettingInvalid(f"{what} is longer than {NAME_MAX_CHARS} characters.")


def _check_count(what: str, count: int) -> None:
    if count > JOBS_PER_LIST:
        raise SettingInvalid(f"{count} {what} are too many for one request.")


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingInvalid(f"{name} is {value}, but must lie between {low} and {high}.")


@dataclass(frozen=True, slots=True)
class GenerateSettings:
    """How to generate. ``None`` means: the bundle's own default."""

    seed: int
    takes: int = 1
    bundle: str | None = None
    sampler: str | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    align_scale: float | None = None
    vocoder: str | None = None
    loudness_lufs: float | None = None
    """Integrated loudness to bring takes to; None leaves it as it came."""
    seed_family: int | None = None
    """Seed of the take to vary: takes of one family sound alike."""
    variation: float = VARIATION
    """How far from the family's take, above 0 and at most 1; only with ``seed_family``."""
    palette: str | None = None
    """Category of sound to ask for, one of the bundle's; None leaves it to the picture."""

    def __post_init__(self) -> None:
        _check("The seed", self.seed, 0, SEED_MAX)
        _check("The number of takes", self.takes, 1, TAKES_MAX)
        if self.steps is not None:
            _check("The number of steps", self.steps, 1, STEPS_MAX)
        if self.cfg_scale is not None:
            _check("cfg_scale", self.cfg_scale, 0, CFG_SCALE_MAX)
        if self.align_scale is not None:
            _check("align_scale", self.align_scale, 0, ALIGN_SCALE_MAX)
        if self.loudness_lufs is not None:
            _check("The loudness", self.loudness_lufs, LOUDNESS_MIN_LUFS, LOUDNESS_MAX_LUFS)
        if self.seed_family is not None:
            _check("The seed family", self.seed_family, 0, SEED_MAX)
        if not 0 < self.variation <= 1:
            raise SettingInvalid(f"variation is {self.variation}, not above 0 and at most 1.")
        if self.palette is not None:
            _check_name("The sound", self.palette)


@dataclass(frozen=True, slots=True)
class Origin:
    """What the client calls the place its takes are for; the server only keeps it."""

    project: str = ""
    """Name of the project's file, without its folder."""
    strip: str = ""
    """Lasting identifier of the strip."""
    label: str = ""
    """What the artist calls the strip."""

    def __post_init__(self) -> None:
        for what, name in (("project", self.project), ("strip", self.strip), ("label", self.label)):
            _check_name(f"The origin's {what}", name)


# ---- requests --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """Open the conversation; answered by Welcome."""

    client: str
    """Name and version of the client, for the server's log."""
    client_version: str = PACKAGE_VERSION


@dataclass(frozen=True, slots=True)
class Generate:
    """Ask for takes of a clip; answered by Accepted, then the job's events.

    The message's own id is the job's id. Sent again under the same id, it makes no second job:
    the client is attached to the one there is.
    """

    clip: Clip
    settings: GenerateSettings
    origin: Origin = Origin()
    batch: bool = False
    """Part of a fill: jobs that somebody waits for go first."""


@dataclass(frozen=True, slots=True)
class Attach:
    """Hear of jobs again, after a lost line or a restart of either side.

    Answered by JobList with those of them that are known. Their takes so far and their end
    follow as for a job of one's own; a take may come twice.
    """

    job_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_count("jobs", len(self.job_ids))


@dataclass(frozen=True, slots=True)
class ListJobs:
    """Ask which jobs there are, oldest first; answered by JobList. Empty filters let all pass."""

    states: tuple[str, ...] = ()
    strips: tuple[str, ...] = ()
    """Identifiers as in Origin."""
    unacknowledged: bool = False
    """Only jobs whose takes nobody has acknowledged."""
    after: str = ""
    """Go on behind the job of this id."""
    limit: int = JOBS_PER_LIST

    def __post_init__(self) -> None:
        _check("The number of jobs", self.limit, 1, JOBS_PER_LIST)
        _check_count("strips", len(self.strips))
        if unknown := sorted(set(self.states) - set(JOB_STATES)):
            raise SettingInvalid(f"There is no state {unknown[0]!r} of a job.")


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Say that the takes of jobs are where they belong, so that the server may let them go.

    Answered by Acknowledged. Before that a take is kept, whatever the disk's limit.
    """

    job_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_count("jobs", len(self.job_ids))


@dataclass(frozen=True, slots=True)
class Upload:
    """A piece of a file, as binary part 0; for clients whose files the server cannot open.

    Answered by Uploaded. The first piece may be empty, to learn how much is there already.
    """

    sha256: str
    """Of the whole file, which it names from now on; checked when all of it is there."""
    size_bytes: int
    offset_bytes: int
    name: str = ""

    def __post_init__(self) -> None:
        check_sha256(self.sha256)
        _check_name("The upload's name", self.name)
        if not 0 <= self.offset_bytes <= self.size_bytes or not self.size_bytes:
            raise SettingInvalid("The piece lies outside its upload.")


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask how long a file's picture is; answered by Probed or Failed."""

    path: str
    """Absolute, as the server's machine knows it."""
    upload: str | None = None
    """As in Clip."""

    def __post_init__(self) -> None:
        check_path(self.path)
        if self.upload is not None:
            check_sha256(self.upload)


@dataclass(frozen=True, slots=True)
class FindCuts:
    """Ask where another shot begins in a clip; answered by CutsFound or Failed."""

    clip: Clip


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a job; answered by JobCancelled, or by nothing if the job has ended."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Status:
    """Ask how the server is; answered by ServerStatus."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a sign of life; answered by Pong."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Ask a server on this machine to end; answered by Goodbye.

    With ``only_if_idle`` a server that has jobs answers Failed (ServerBusy) and goes on.
    """

    only_if_idle: bool = False


Request = (
    Hello
    | Generate
    | Attach
    | ListJobs
    | Acknowledge
    | Upload
    | Probe
    | FindCuts
    | Cancel
    | Status
    | Ping
    | Shutdown
)
