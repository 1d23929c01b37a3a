"""Tells clients of jobs, each the whole story in order, from the disk where they fell behind.

A job's takes are on the disk before anybody hears of them. Whoever comes late, or takes them
more slowly than they are made, is told from there, so that nobody's takes pile up in memory.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from threading import Condition, Thread
from typing import Any

from foleyline_contract.errors import FoleyError, error_from_wire
from foleyline_contract.fields import from_json
from foleyline_contract.messages import (
    Accepted,
    Event,
    Failed,
    Generate,
    JobCancelled,
    JobFinished,
    Progress,
    TakeFinished,
)
from foleyline_server.log import note
from foleyline_server.service.jobs import Job, Scheduler
from foleyline_server.service.outbox import Outbox
from foleyline_server.store.jobs import StoredJob
from foleyline_server.store.store import Store
from foleyline_server.store.takes import StoredTake

_log = logging.getLogger(__name__)
_BEHIND_BYTES = 8 << 20
"""Takes on their way to one client; more wait on the disk."""
_ROOM_POLL_S = 0.02


@dataclass(slots=True)
class _Story:
    """A job that a client is told from the disk."""

    client: bytes
    job_id: str
    request: Generate
    next_take: int = 0


class Announcer:
    """All that clients hear of jobs goes through here; safe to use from any thread."""

    def __init__(self, outbox: Outbox, store: Store, scheduler: Scheduler) -> None:
        self._outbox, self._store, self._scheduler = outbox, store, scheduler
        self._teller = _Teller(self._tell_some)

    def start(self) -> None:
        """Begin to tell stories."""
        self._teller.start()

    def close(self) -> None:
        """Tell no more."""
        self._teller.close()

    def accepted(self, job: Job, client: bytes, ahead: int) -> None:
        """The job is in the store and in the queue; its client hears of it from now on."""
        with job.lock:
            self._outbox.tell(client, Accepted(job.id, ahead), job.id)
            job.listen(client)

    def progress(self, job: Job, stage: str, step: int, steps: int, fraction: float) -> None:
        """A running job is a step further."""
        with job.lock:
            job.fraction = max(job.fraction, fraction)
            self._post(job, Progress(job.id, stage, step, steps, job.fraction))

    def take(self, job: Job, number: int, facts: Mapping[str, Any], pcm: bytes) -> None:
        """A take is on the disk."""
        message = take_message(job.id, job.request, number, facts)
        with job.lock:
            for client in list(job.listeners):
                if self._outbox.waiting_bytes(client) > _BEHIND_BYTES:
                    del job.listeners[client]
                    self._teller.ask(_Story(client, job.id, job.request, number))
                else:
                    self._outbox.tell(client, message, job.id, (pcm,))

    def end(self, job: Job, state: str, error: FoleyError | None = None) -> None:
        """A job has ended: on the disk, then for those who listen."""
        elapsed_s = time.monotonic() - job.started_s if job.running else None
        try:
            self._store.end(job.id, state, elapsed_s, error)
        except FoleyError as fault:
            # It is run again after a restart; its takes are on the disk already.
            note(_log, "end-not-stored", logging.ERROR, job=job.id, detail=fault.detail or fault)
        with job.lock:
            job.ended = True
            self._post(job, _end(job.id, state, elapsed_s, error))
        self._scheduler.remove(job)
        note(_log, state, job=job.id, elapsed_s=elapsed_s or 0.0)

    def tell(self, client: bytes, stored: StoredJob) -> None:
        """Tell a client a job from its first take on, and what comes after."""
        self._teller.ask(_Story(client, stored.id, stored.request))

    # ---- inside --------------------------------------------------------------------------

    def _post(self, job: Job, message: Event) -> None:
        for client in job.listeners:
            self._outbox.tell(client, message, job.id)

    def _tell_some(self, story: _Story) -> bool:
        """Tell as much as the client can take; whether that was all."""
        while True:
            job = self._scheduler.find(story.job_id)
            for take in self._store.takes(story.job_id):
                if take.number < story.next_take:
                    continue
                if self._outbox.waiting_bytes(story.client) > _BEHIND_BYTES:
                    return False
                self._tell_take(story, take)
            if job is None:
                self._conclude(story)
                return True
            with job.lock:
                if job.ended or self._has_more(story):
                    continue
                job.listen(story.client)
                return True

    def _has_more(self, story: _Story) -> bool:
        takes = self._store.takes(story.job_id)
        return any(take.number >= story.next_take for take in takes)

    def _tell_take(self, story: _Story, take: StoredTake) -> None:
        story.next_take = take.number + 1
        pcm = take.read()
        if pcm is None:
            note(_log, "take-damaged", logging.ERROR, job=story.job_id, take=take.number)
            self._store.drop_take(take)
            return
        message = take_message(story.job_id, story.request, take.number, take.facts)
        self._outbox.tell(story.client, message, story.job_id, (pcm,))

    def _conclude(self, story: _Story) -> None:
        """Tell the end, or make a job again that lacks a take (``Store.drop_take``)."""
        stored = self._store.job(story.job_id)
        if stored is None:
            return
        if stored.ended:
            end = _end(stored.id, stored.state, stored.elapsed_s, _error(stored))
            self._outbox.tell(story.client, end, story.job_id)
            return
        job = Job(stored.id, stored.owner, stored.request, story.client)
        job.listen(story.client)
        self._scheduler.submit(job)
        note(_log, "made-again", job=job.id)


class _Teller(Thread):
    """Tells stories in turns, as fast as their clients take them."""

    def __init__(self, tell: Callable[[_Story], bool]) -> None:
        super().__init__(name="foleyline-teller", daemon=True)
        self._tell = tell
        self._stories: deque[_Story] = deque()
        self._changed = Condition()
        self._closed = False

    def ask(self, story: _Story) -> None:
        """Begin a story, behind the others."""
        with self._changed:
            self._stories.append(story)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def run(self) -> None:
        """Tell until closed."""
        waited = 0
        while True:
            with self._changed:
                while not self._stories and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                story = self._stories.popleft()
            if self._tells_all(story):
                waited = 0
                continue
            with self._changed:
                self._stories.append(story)
                waited += 1
                if waited >= len(self._stories):
                    # Nobody can take more for now.
                    self._changed.wait(_ROOM_POLL_S)
                    waited = 0

    def _tells_all(self, story: _Story) -> bool:
        try:
            return self._tell(story)
        except FoleyError as error:
            note(_log, "story-broken", logging.ERROR, job=story.job_id, detail=error.detail)
        except Exception:  # noqa: BLE001 - as in worker.py: the other stories must go on
            _log.exception("telling a job met a defect")
        return True


def take_message(
    job_id: str, request: Generate, number: int, facts: Mapping[str, Any]
) -> TakeFinished:
    """What a client is told of a take, which may have been made for another job.

    Args:
        job_id: whose take it is now.
        request: that asks for it.
        number: of the take in this job.
        facts: as production.py stores them.

    Raises:
        FieldError: the facts are not what was stored.
    """
    told = from_json(
        TakeFinished,
        {**facts, "job_id": job_id, "take": number, "takes": request.settings.takes},
    )
    name = PurePath(request.clip.path).name
    return replace(told, provenance={**told.provenance, "take": number, "source_file": name})


def _end(
    job_id: str, state: str, elapsed_s: float | None, error: FoleyError | None
) -> JobFinished | JobCancelled | Failed:
    if state == "finished":
        return JobFinished(job_id, elapsed_s or 0.0)
    if state == "cancelled" or error is None:
        return JobCancelled(job_id)
    return Failed(error.code, error.message, error.remedy, job_id)


def _error(stored: StoredJob) -> FoleyError | None:
    if not stored.code:
        return None
    return error_from_wire(stored.code, stored.message, stored.remedy)
