"""What the server does with each request: one function per kind, none of which computes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from foleyline_contract.codec import new_id
from foleyline_contract.errors import MessageMalformed, ServerBusy
from foleyline_contract.messages import (
    Accepted,
    Cancel,
    Event,
    Generate,
    Hello,
    Message,
    Ping,
    Pong,
    Probe,
    Shutdown,
    Welcome,
)
from foleyline_contract.version import PACKAGE_VERSION
from foleyline_server.media.video_file import require_regular_file
from foleyline_server.pipeline.provenance import used_settings
from foleyline_server.runtime.bundles import BundleShelf
from foleyline_server.service.jobs import Job, JobQueue
from foleyline_server.service.prober import Prober

_log = logging.getLogger(__name__)
_NAME_CHARS_MAX = 80


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, who sent it and under which id."""

    client: bytes
    request_id: str
    message: Message


@dataclass(slots=True)
class Desk:
    """What handlers work with."""

    jobs: JobQueue
    shelf: BundleShelf
    prober: Prober
    providers: tuple[str, ...]
    run_id: str = field(default_factory=new_id)
    ending_for: Asked | None = None
    """The Shutdown to answer with Goodbye once all jobs have ended."""


def handle(asked: Asked, desk: Desk) -> Event | None:
    """Do what a request asks for; the answer, if there is one at once.

    Raises:
        FoleyError: the request cannot be granted; to be answered with Failed.
    """
    match asked.message:
        case Hello() as hello:
            return on_hello(hello, desk)
        case Generate() as generate:
            return on_generate(generate, asked, desk)
        case Probe() as probe:
            return desk.prober.ask(asked.client, asked.request_id, probe.path)
        case Cancel() as cancel:
            return desk.jobs.cancel(cancel.job_id)
        case Ping():
            return Pong(jobs=len(desk.jobs), run_id=desk.run_id)
        case Shutdown() as shutdown:
            return on_shutdown(shutdown, asked, desk)
        case _:
            raise MessageMalformed("A client sent a message that only servers send.")


def on_hello(hello: Hello, desk: Desk) -> Welcome:
    """Say who we are and what is installed."""
    _log.info("client %r said hello", hello.client[:_NAME_CHARS_MAX])
    return Welcome(
        server_version=PACKAGE_VERSION,
        bundles=desk.shelf.infos(),
        default_bundle=desk.shelf.default,
        providers=desk.providers,
        run_id=desk.run_id,
    )


def on_generate(generate: Generate, asked: Asked, desk: Desk) -> Accepted:
    """Check what can be checked at once, and queue the job.

    Raises:
        BundleError: the bundle is not there or cannot be used.
        SettingInvalid: the sampler or the vocoder is not known, or the vocoder not installed.
        FileMissing: the clip's file is not there.
        ServerBusy: there are too many jobs.
    """
    bundle = desk.shelf.find(generate.settings.bundle)
    settings = used_settings(generate.settings, bundle.manifest.model.defaults)
    require_regular_file(generate.clip.path)
    job = Job(asked.request_id, asked.client, generate.clip, settings, bundle)
    ahead = desk.jobs.submit(job)
    _log.info("job %s: queued behind %d", job.id, ahead)
    return Accepted(job.id, ahead)


def on_shutdown(shutdown: Shutdown, asked: Asked, desk: Desk) -> None:
    """Begin to end; Goodbye follows when the jobs have ended.

    Raises:
        ServerBusy: there are jobs, and ``only_if_idle`` was asked for.
    """
    if shutdown.only_if_idle and (count := len(desk.jobs)):
        raise ServerBusy(f"The server still has {count} {'job' if count == 1 else 'jobs'}.")
    desk.ending_for = asked
    desk.jobs.close()
