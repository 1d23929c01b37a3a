"""One job from request to stored takes: what was made before is taken, the rest is made."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foleyline_contract.fields import to_json
from foleyline_server.log import note
from foleyline_server.media.source_file import require_regular_file
from foleyline_server.pipeline.generate import Take
from foleyline_server.pipeline.progress import Meter
from foleyline_server.service.announcer import Announcer
from foleyline_server.service.engine import Arrays, Engine
from foleyline_server.service.jobs import Job, Scheduler
from foleyline_server.service.source import readable
from foleyline_server.service.speeds import Speeds
from foleyline_server.store.content_keys import (
    features_key,
    source_fingerprint,
    take_key,
    upload_fingerprint,
)
from foleyline_server.store.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Production:
    """Where jobs are made; for any number of lanes."""

    engine: Engine
    store: Store
    scheduler: Scheduler
    announcer: Announcer
    speeds: Speeds

    def run(self, job: Job) -> None:
        """Make a job's takes; each is stored, then told.

        Raises:
            FoleyError: it cannot be done, or its owner cancelled it.
            Stopped: the server ends.
        """
        made = _Making(self, job)
        for number in range(job.request.settings.takes):
            made.take(number)


class _Making:
    """One job being made."""

    def __init__(self, shop: Production, job: Job) -> None:
        self._shop, self._job = shop, job
        self._order = shop.engine.order(job.request.settings)
        self._meter = Meter(job.request.settings.takes, self._report, self._check)
        self._meter.loading()
        self._clip = readable(job.request.clip, shop.store)
        require_regular_file(self._clip.path)
        self._device = shop.engine.device(self._order)
        self._features_key = features_key(
            self._fingerprint(), self._clip, self._order.bundle_sha256, self._device
        )
        self._seen: Arrays | None = None

    def take(self, number: int) -> None:
        """Take ``number``, from the store if it was made before."""
        store, job, order = self._shop.store, self._job, self._order
        self._check()
        key = take_key(self._features_key, order.settings, number, self._device)
        kept = store.link_take(job.id, number, key)
        pcm = kept.read() if kept else None
        if kept is not None and pcm is not None:
            note(_log, "take-kept", take=number)
            self._shop.announcer.take(job, number, kept.facts, pcm)
            return
        if self._seen is None:
            self._seen = self._see()
        began_s, paused_s = time.monotonic(), job.paused_s
        take = self._shop.engine.make(self._seen, self._clip, order, number, self._meter)
        work_s = time.monotonic() - began_s - (job.paused_s - paused_s)
        facts = facts_of(take)
        self._check()
        store.put_take(job.id, number, key, take.pcm, facts)
        self._shop.announcer.take(job, number, facts, take.pcm)
        note(_log, "take-made", take=number, seed=take.seed, work_s=work_s)
        if order.at_default_steps:
            speed = work_s / float(self._clip.duration_s)
            self._shop.speeds.note(order.bundle_sha256, speed)

    def _see(self) -> Arrays:
        store, key = self._shop.store, self._features_key
        seen = store.features(key)
        if seen is not None:
            note(_log, "features-kept")
            return seen
        seen = self._shop.engine.see(self._clip, self._order, self._meter)
        store.put_features(key, seen)
        return seen

    def _fingerprint(self) -> str:
        upload = self._job.request.clip.upload
        if upload is not None:
            return upload_fingerprint(upload)
        return source_fingerprint(Path(self._clip.path))

    def _check(self) -> None:
        self._shop.scheduler.check(self._job, self._shop.engine.aside)

    def _report(self, stage: str, step: int, steps: int, fraction: float) -> None:
        self._shop.announcer.progress(self._job, stage, step, steps, fraction)


def facts_of(take: Take) -> dict[str, Any]:
    """What is kept of a take besides its sound: TakeFinished's fields, in JSON."""
    return {
        "seed": take.seed,
        "sample_count": take.sample_count,
        "peak_dbfs": take.peak_dbfs,
        "log_p_aligned": take.log_p_aligned,
        "loudness_lufs": take.loudness_lufs,
        "flags": list(take.flags),
        "provenance": to_json(take.provenance),
    }
