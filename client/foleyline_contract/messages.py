"""Frozen requests and events: all that travels between client and server.

Requests go from client to server, events from server to client. ``docs/protocol.md`` is
the authority on their meaning; codec.py is the only place that turns them into bytes.
Validation happens in the constructors, so a message that exists is a sound one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from foleyline_contract.errors import SettingInvalid, SpanOutside
from foleyline_contract.specs import take_sample_count
from foleyline_contract.version import PACKAGE_VERSION, PROTOCOL_VERSION

TAKES_MAX = 8
SEED_MAX = 2**31 - 1
"""Seeds fit Blender's integer properties."""
STEPS_MAX = 250
CFG_SCALE_MAX = 20.0
ALIGN_SCALE_MAX = 500.0
CLIP_DURATION_MAX_S = 4 * 60 * 60
PATH_MAX_CHARS = 32_767
SILENCE_DBFS = -200.0
"""Peak of a take without any sound: the wire knows no infinity."""


def _check_path(path: str) -> None:
    if not path or "\0" in path or len(path) > PATH_MAX_CHARS:
        raise SettingInvalid("The clip names no file.")


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingInvalid(f"{name} is {value}, but must lie between {low} and {high}.")


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of picture: what is seen during ``duration_s`` of timeline.

    The picture shown at timeline time t (0 at the first visible frame) is the file's
    picture at ``start_s + speed * t``.
    """

    path: str
    """Absolute, as the server's machine knows it."""
    start_s: Fraction
    """Seconds after the file's first picture, whatever time stamp that picture has."""
    duration_s: Fraction
    """Timeline seconds, ``frames * fps_base / fps``."""
    speed: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        _check_path(self.path)
        if self.start_s < 0:
            raise SpanOutside(f"The clip starts {float(-self.start_s):.3f} s before its file.")
        if not 0 < self.duration_s <= CLIP_DURATION_MAX_S or self.sample_count < 1:
            raise SpanOutside(f"The clip lasts {float(self.duration_s):.3f} s.")
        if self.speed <= 0:
            raise SettingInvalid("The clip's speed must be above zero.")

    @property
    def sample_count(self) -> int:
        """Samples that a take for this clip has."""
        return take_sample_count(self.duration_s)


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

    def __post_init__(self) -> None:
        _check("The seed", self.seed, 0, SEED_MAX)
        _check("The number of takes", self.takes, 1, TAKES_MAX)
        if self.steps is not None:
            _check("The number of steps", self.steps, 1, STEPS_MAX)
        if self.cfg_scale is not None:
            _check("cfg_scale", self.cfg_scale, 0, CFG_SCALE_MAX)
        if self.align_scale is not None:
            _check("align_scale", self.align_scale, 0, ALIGN_SCALE_MAX)


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

    The message's own id is the job's id.
    """

    clip: Clip
    settings: GenerateSettings


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask how long a file's picture is; answered by Probed or Failed."""

    path: str
    """Absolute, as the server's machine knows it."""

    def __post_init__(self) -> None:
        _check_path(self.path)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel a job; answered by JobCancelled, or by nothing if the job has ended."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a sign of life; answered by Pong."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Ask a server on this machine to end; answered by Goodbye.

    With ``only_if_idle`` a server that has jobs answers Failed (ServerBusy) and goes on.
    """

    only_if_idle: bool = False


Request = Hello | Generate | Probe | Cancel | Ping | Shutdown

# ---- events ----------------------------------------------------------------------------


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
    vocoder: str = ""
    """Empty when the server is older than this field."""


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
    | Probed
    | Accepted
    | Progress
    | TakeFinished
    | JobFinished
    | JobCancelled
    | Failed
    | Pong
    | Goodbye
)
Message = Request | Event
