"""What travels between Blender's main thread and the client thread. No bpy here.

Orders go to the client thread, notices come back. All are small and frozen, so neither
side can change what the other one reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foleyline_contract.errors import FoleyError
from foleyline_contract.messages import BundleInfo, Clip, GenerateSettings


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


@dataclass(frozen=True, slots=True)
class Submit:
    """Generate takes for a strip's clip and write them into a folder."""

    request_id: str
    clip: Clip
    settings: GenerateSettings
    folder: Path
    strip_name: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Cancel a request."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End the client thread."""


Order = Connect | Submit | Withdraw | Stop

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


@dataclass(frozen=True, slots=True)
class Disconnected:
    """There is no connection (any more); with a problem if nobody asked for that."""

    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    request_id: str
    ahead: int


@dataclass(frozen=True, slots=True)
class Advanced:
    request_id: str
    stage: str
    step: int
    steps: int
    fraction: float


@dataclass(frozen=True, slots=True)
class TakeWritten:
    """A take's WAV lies on disk."""

    request_id: str
    path: Path
    take: int
    takes: int
    seed: int
    sample_count: int
    peak_dbfs: float
    log_p_aligned: float | None
    provenance: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more follows for this request."""

    request_id: str
    problem: Problem | None = None
    """None: all takes were written. Code ``cancelled``: the artist stopped it."""


Notice = Connecting | Connected | Disconnected | Queued | Advanced | TakeWritten | Ended
