"""Requests that read or write what lasts; the clerks' work, in the order it was asked for."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from foleyline_contract.codec import HEADER_MAX_BYTES
from foleyline_contract.errors import MessageMalformed
from foleyline_contract.fields import to_json
from foleyline_contract.messages import (
    UPLOAD_CHUNK_BYTES,
    Accepted,
    Acknowledge,
    Acknowledged,
    Attach,
    Cancel,
    Event,
    FindCuts,
    Generate,
    JobInfo,
    JobList,
    ListJobs,
    Probe,
    Probed,
    Upload,
    Uploaded,
)
from foleyline_server.log import note
from foleyline_server.service.announcer import Announcer
from foleyline_server.service.asked import Asked
from foleyline_server.service.engine import Engine
from foleyline_server.service.jobs import Job, Scheduler
from foleyline_server.service.outbox import Outbox
from foleyline_server.service.seeker import Seeker
from foleyline_server.service.source import path_of, readable
from foleyline_server.store.jobs import StoredJob
from foleyline_server.store.store import Store

_log = logging.getLogger(__name__)
_LIST_MAX_BYTES = HEADER_MAX_BYTES * 3 // 4
"""Of the jobs in one list; the rest of the header is small."""


@dataclass(frozen=True, slots=True)
class Records:
    """What the clerks work with."""

    store: Store
    scheduler: Scheduler
    announcer: Announcer
    engine: Engine
    probe: Callable[[str], Probed]
    seeker: Seeker
    outbox: Outbox

    def handle(self, asked: Asked) -> Event | None:
        """Do what a request asks for; the answer, unless it is given elsewhere.

        Raises:
            FoleyError: the request cannot be granted.
        """
        match asked.message:
            case Generate() as generate:
                self._generate(generate, asked)
            case Attach() as attach:
                self._attach(attach, asked)
            case ListJobs() as query:
                return self._list(query, asked)
            case Acknowledge(job_ids=job_ids):
                marked = self.store.acknowledge(asked.owner, list(job_ids))
                return Acknowledged(tuple(marked))
            case Cancel(job_id=job_id):
                self._cancel(job_id, asked)
            case Probe(path=path, upload=upload):
                return self.probe(path if upload is None else path_of(upload, path, self.store))
            case Upload() as upload:
                return self._upload(upload, asked)
            case FindCuts(clip=clip):
                return self.seeker.cuts(readable(clip, self.store), asked)
            case _:
                raise MessageMalformed("A client sent a message that only servers send.")
        return None

    def resume(self) -> None:
        """Queue again what had not ended when the server did."""
        for stored in self.store.unended():
            job = Job(stored.id, stored.owner, stored.request, stored.owner.encode())
            self.scheduler.submit(job)
            note(_log, "resumed", job=stored.id, takes_done=stored.takes_done)

    # ---- inside --------------------------------------------------------------------------

    def _generate(self, generate: Generate, asked: Asked) -> None:
        order = self.engine.order(generate.settings)
        self.scheduler.require_room()
        stored = StoredJob(
            id=asked.request_id,
            owner=asked.owner,
            request=generate,
            bundle=order.bundle,
            bundle_sha256=order.bundle_sha256,
            created_unix_s=time.time(),
        )
        if not self.store.add(stored):
            self._again(generate, asked)
            return
        job = Job(stored.id, stored.owner, generate, asked.client)
        # Its lane may begin at once, but must not be heard before this.
        with job.lock:
            ahead = self.scheduler.submit(job)
            self.announcer.accepted(job, asked.client, ahead)
        note(_log, "queued", job=job.id, ahead=ahead, batch=generate.batch, bundle=order.bundle)

    def _again(self, generate: Generate, asked: Asked) -> None:
        """The very request may come twice; another one must not have its id."""
        known = self.store.job(asked.request_id)
        if known is None or (known.owner, known.request) != (asked.owner, generate):
            raise MessageMalformed("There is a job of that id already.")
        self.outbox.tell(asked.client, Accepted(known.id, 0), known.id)
        self.announcer.tell(asked.client, known)

    def _attach(self, attach: Attach, asked: Asked) -> None:
        found = (self.store.job(job_id) for job_id in dict.fromkeys(attach.job_ids))
        known = [stored for stored in found if stored is not None and stored.owner == asked.owner]
        told, more = self._fitting(known)
        # Before what follows it.
        self.outbox.tell(asked.client, JobList(told, more), asked.request_id)
        names = {info.job_id for info in told}
        for stored in known:
            if stored.id in names:
                self.announcer.tell(asked.client, stored)

    def _list(self, query: ListJobs, asked: Asked) -> JobList:
        found = self.store.list(asked.owner, query)
        told, cut = self._fitting(found[: query.limit])
        return JobList(told, more=cut or len(found) > query.limit)

    def _fitting(self, found: Iterable[StoredJob]) -> tuple[tuple[JobInfo, ...], bool]:
        """What a client is told of jobs, as many as fit a header, and whether some do not."""
        told: list[JobInfo] = []
        room_bytes = _LIST_MAX_BYTES
        for stored in found:
            job = self.scheduler.find(stored.id)
            fraction = job.fraction if job else float(stored.state == "finished")
            info = stored.info(fraction)
            room_bytes -= len(json.dumps(to_json(info)))
            if room_bytes < 0 and told:
                return tuple(told), True
            told.append(info)
        return tuple(told), False

    def _cancel(self, job_id: str, asked: Asked) -> None:
        # Its Generate may have been waiting in this very queue when the router looked.
        self.scheduler.stop(job_id, asked.owner)
        job = self.scheduler.withdraw(job_id, asked.owner)
        if job is not None:
            self.announcer.end(job, "cancelled")

    def _upload(self, upload: Upload, asked: Asked) -> Uploaded:
        if len(asked.parts) != 1 or len(asked.parts[0]) > UPLOAD_CHUNK_BYTES:
            raise MessageMalformed("An upload has one part, the piece, of a limited length.")
        uploads, piece = self.store.uploads, asked.parts[0]
        received = uploads.append(upload.sha256, upload.size_bytes, upload.offset_bytes, piece)
        if received == upload.size_bytes:
            uploads.finish(upload.sha256, upload.size_bytes)
        return Uploaded(upload.sha256, received)
