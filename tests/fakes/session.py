"""A Session without a server: scripted events in, recorded calls out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from foleyline_contract import messages as m
from foleyline_contract.codec import Envelope
from foleyline_contract.errors import FoleyError

BUNDLE = m.BundleInfo(
    name="mini",
    version="1",
    family="diff-foley",
    licence="CC0-1.0",
    description="For tests",
    sha256="0" * 64,
    sampler="dpm-solver",
    steps=25,
    cfg_scale=4.5,
    align_scale=50.0,
    vocoder="griffin-lim",
    picture_width_px=64,
    picture_height_px=64,
    picture_fps=Fraction(16),
    speed=0.2,
)
WELCOME = m.Welcome(
    server_version="0.1.0",
    bundles=(BUNDLE,),
    default_bundle="mini",
    providers=("CPUExecutionProvider",),
)
STATUS = m.ServerStatus(1, 3, 60.0, 0, 1 << 30, 0, 1 << 40, 1 << 20)


class FakeSession:
    """Says what it was told to say; ``heard`` lists what it was asked."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []
        self.jobs: tuple[m.JobInfo, ...] = ()
        self.cuts: dict[str, tuple[Fraction, ...] | FoleyError] = {}
        """By path; other clips are looked at until ``check`` ends it."""
        self.closed = False
        self.is_connected = False
        self.signs = 0
        self._events: deque[Envelope | FoleyError] = deque()
        self._submitted = 0

    def say(self, message: m.Event, *parts: bytes, reply_to: str | None = None) -> None:
        self._events.append(Envelope(message, "e1", reply_to, parts))

    def fail(self, error: FoleyError) -> None:
        """Have the next poll raise."""
        self._events.append(error)

    def hello(self) -> m.Welcome:
        return WELCOME

    def submit(
        self,
        clip: m.Clip,
        settings: m.GenerateSettings,
        origin: m.Origin | None = None,
        *,
        batch: bool = False,
        job_id: str | None = None,
    ) -> str:
        self._submitted += 1
        self.heard.append(("submit", (clip, settings)))
        return job_id or f"job{self._submitted}"

    def attach(self, job_ids: Iterable[str]) -> None:
        self.heard.append(("attach", tuple(job_ids)))

    def cancel(self, job_id: str) -> None:
        self.heard.append(("cancel", job_id))

    def acknowledge(self, job_ids: Iterable[str]) -> None:
        self.heard.append(("acknowledge", tuple(job_ids)))

    def all_jobs(self, *, unacknowledged: bool = False) -> tuple[m.JobInfo, ...]:
        return self.jobs

    def status(self, timeout_s: float = 5.0) -> m.ServerStatus:
        return STATUS

    def ping(self, timeout_s: float = 5.0) -> m.Pong:
        return m.Pong(0)

    def find_cuts(self, clip: m.Clip, *, check=None) -> tuple[Fraction, ...]:
        while isinstance(cuts := self.cuts.get(clip.path), FoleyError) or cuts is None:
            if cuts is not None:
                raise cuts
            check()
            time.sleep(0.002)
        return cuts

    def upload(self, path: Path, on_progress=None, check=None) -> str:
        if check is not None:
            check()
        self.heard.append(("upload", path))
        return "a" * 64

    def poll(self, timeout_s: float) -> Envelope | None:
        if not self._events:
            time.sleep(min(timeout_s, 0.005))
            return None
        event = self._events.popleft()
        if isinstance(event, FoleyError):
            raise event
        self.signs += 1
        return event

    def close(self) -> None:
        self.closed = True
