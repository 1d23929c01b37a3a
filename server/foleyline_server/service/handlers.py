"""What the server does with each request: those that need no disk at once, the others elsewhere."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace

from foleyline_contract.codec import new_id
from foleyline_contract.errors import FileForbidden, InputError, MessageMalformed, ServerBusy
from foleyline_contract.messages import (
    Acknowledge,
    Attach,
    Cancel,
    Event,
    FindCuts,
    Generate,
    Hello,
    ListJobs,
    Ping,
    Pong,
    Probe,
    ServerStatus,
    Shutdown,
    Status,
    Upload,
    Welcome,
)
from foleyline_contract.version import PACKAGE_VERSION
from foleyline_server.log import note
from foleyline_server.service.asked import Asked
from foleyline_server.service.clerk import Clerk
from foleyline_server.service.engine import Engine
from foleyline_server.service.jobs import Scheduler
from foleyline_server.service.memory import resident_bytes
from foleyline_server.service.seeker import Seeker
from foleyline_server.service.speeds import Speeds
from foleyline_server.service.upkeep import Upkeep

_log = logging.getLogger(__name__)
_NAME_CHARS_MAX = 80


@dataclass(slots=True)
class Desk:
    """What the router's thread works with; none of it waits."""

    scheduler: Scheduler
    engine: Engine
    records: Clerk
    """For jobs."""
    cancels: Clerk
    """So that nobody's cancelling waits behind a fill on its way."""
    uploads: Clerk
    probes: Clerk
    """A sleeping drive holds up nothing else."""
    cuts: Clerk
    seeker: Seeker
    speeds: Speeds
    upkeep: Upkeep
    stored_max_bytes: int
    upload_max_bytes: int
    run_id: str = field(default_factory=new_id)
    started_s: float = field(default_factory=time.monotonic)
    ending_for: Asked | None = None
    """The Shutdown to answer with Goodbye once the work has stopped."""


def handle(asked: Asked, desk: Desk) -> Event | None:
    """Do what a request asks for; the answer, if there is one at once.

    Raises:
        FoleyError: the request cannot be granted; to be answered with Failed.
    """
    desk.seeker.hear(asked.client)
    match asked.message:
        case Hello() as hello:
            return on_hello(hello, asked, desk)
        case Ping():
            return Pong(jobs=len(desk.scheduler), run_id=desk.run_id)
        case Status():
            return on_status(desk)
        case Generate(clip=clip):
            _require_upload(clip.upload, asked)
            desk.records.ask(asked)
        case Probe(upload=upload):
            _require_upload(upload, asked)
            desk.probes.ask(asked)
        case FindCuts(clip=clip):
            _require_upload(clip.upload, asked)
            desk.seeker.expect(asked)
            desk.cuts.ask(asked)
        case Cancel(job_id=job_id):
            # A job that is not there yet may be on its way; then it is cancelled behind that.
            known = desk.scheduler.stop(job_id, asked.owner)
            (desk.cancels if known else desk.records).ask(asked)
        case Attach() | ListJobs() | Acknowledge():
            desk.records.ask(asked)
        case Upload():
            desk.uploads.ask(asked)
        case Shutdown() as shutdown:
            on_shutdown(shutdown, asked, desk)
        case _:
            raise MessageMalformed("A client sent a message that only servers send.")
    return None


def on_hello(hello: Hello, asked: Asked, desk: Desk) -> Welcome:
    """Say who we are and what is installed."""
    note(_log, "hello", client=hello.client[:_NAME_CHARS_MAX], local=asked.local)
    engine = desk.engine
    return Welcome(
        server_version=PACKAGE_VERSION,
        bundles=tuple(replace(info, speed=desk.speeds.of(info.sha256)) for info in engine.infos()),
        default_bundle=engine.default_bundle,
        providers=engine.providers,
        run_id=desk.run_id,
        opens_paths=asked.local,
        upload_max_bytes=desk.upload_max_bytes,
    )


def on_status(desk: Desk) -> ServerStatus:
    """Say how we are; what the disk holds is a moment old."""
    usage, running = desk.upkeep.usage, desk.scheduler.running
    return ServerStatus(
        running=running,
        queued=max(0, len(desk.scheduler) - running),
        uptime_s=time.monotonic() - desk.started_s,
        stored_bytes=usage.stored_bytes,
        stored_max_bytes=desk.stored_max_bytes,
        unacknowledged_bytes=usage.unacknowledged_bytes,
        free_bytes=usage.free_bytes,
        memory_bytes=resident_bytes(),
        loaded=desk.engine.loaded(),
    )


def on_shutdown(shutdown: Shutdown, asked: Asked, desk: Desk) -> None:
    """Begin to end; Goodbye follows when the work has stopped.

    Raises:
        InputError: the client is on another machine.
        ServerBusy: there are jobs, and ``only_if_idle`` was asked for.
    """
    if not asked.local:
        raise InputError(
            "A server is ended by clients on its own machine only.",
            remedy="Run 'foley stop' there.",
        )
    if shutdown.only_if_idle and (count := len(desk.scheduler)):
        raise ServerBusy(f"The server still has {count} {'job' if count == 1 else 'jobs'}.")
    desk.ending_for = asked


def _require_upload(upload: str | None, asked: Asked) -> None:
    if upload is None and not asked.local:
        raise FileForbidden("A client on another machine named a file of the server's by its path.")
