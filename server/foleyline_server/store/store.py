"""The store: all that outlives the server, behind one class."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foleyline_contract.errors import FoleyError, StorageFailed
from foleyline_contract.fields import to_json
from foleyline_contract.messages import ListJobs
from foleyline_server.store import index, jobs, takes
from foleyline_server.store.database import Database
from foleyline_server.store.eviction import Room, Usage
from foleyline_server.store.failures import as_storage_failed
from foleyline_server.store.features import read_arrays, write_arrays
from foleyline_server.store.files import FEATURES, SIDECAR_SUFFIX, TAKES, Files
from foleyline_server.store.index import Entry
from foleyline_server.store.jobs import StoredJob
from foleyline_server.store.lock import FolderLock
from foleyline_server.store.reconciliation import reconcile
from foleyline_server.store.takes import StoredTake
from foleyline_server.store.uploads import KEEP_PART_S, Parts, Uploads

_log = logging.getLogger(__name__)
KEEP_S = 7 * 24 * 60 * 60.0
"""Ended jobs are listed for so long after they were acknowledged."""


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class Store:
    """Jobs, takes, features and uploads in one folder; safe from any thread.

    Every call is one transaction. What a call has returned from is there after the process is
    killed; after a power cut the last seconds' jobs may be gone, and then their takes are found
    again when the same is asked for.

    Args:
        folder: made if it is not there; one server at a time.
        limit_bytes: what takes, features and uploads may hold together.
        upload_max_bytes: largest upload; the limit itself when left out.
        clock: seconds since 1970.
        free_bytes: left on the disk of a folder.

    Raises:
        StorageFailed: another server uses the folder, a newer release has, or it cannot be
            written to. So do all methods when the disk is full or gone.
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int,
        *,
        upload_max_bytes: int | None = None,
        clock: Callable[[], float] = time.time,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        self._folder = folder
        self._clock = clock
        with as_storage_failed(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._folder_lock = FolderLock(folder)
        try:
            with as_storage_failed(folder):
                self._files = Files(folder)
                self._parts = Parts(folder / "uploads")
            self._database = Database(folder)
        except BaseException:
            self._folder_lock.close()
            raise
        self._room = Room(
            self._database, self._files, limit_bytes, self._parts.received_bytes,
            self._parts.drop_idle, free_bytes,
        )  # fmt: skip
        upload_max = limit_bytes if upload_max_bytes is None else upload_max_bytes
        self.uploads = Uploads(self._database, self._files, self._room, self._parts, upload_max)
        try:
            with self._database.transaction() as rows:
                reconcile(rows, self._files, self._parts.paths())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the next server in."""
        try:
            self._database.close()
        finally:
            self._folder_lock.close()

    # ---- jobs --------------------------------------------------------------------------

    def add(self, job: StoredJob) -> bool:
        """Keep a new job; False if that id is there already, whoever's it is."""
        with self._database.transaction() as rows:
            return jobs.insert(rows, job)

    def job(self, job_id: str) -> StoredJob | None:
        """The job of that id, whoever's it is."""
        with self._database.transaction() as rows:
            return jobs.find(rows, job_id)

    def list(self, owner: str, query: ListJobs) -> Sequence[StoredJob]:
        """An owner's jobs that pass the query, oldest first.

        At most one more than its limit: that one is not to be shown, but says that others follow.
        """
        with self._database.transaction() as rows:
            return jobs.select(rows, owner, query)

    def unended(self) -> Sequence[StoredJob]:
        """At the start: jobs that are to be queued, in order of submission, running ones too."""
        with self._database.transaction() as rows:
            return jobs.requeue(rows)

    def set_running(self, job_id: str) -> None:
        """A queued job has left the queue."""
        with self._database.transaction() as rows:
            jobs.set_running(rows, job_id)

    def end(
        self,
        job_id: str,
        state: str,
        elapsed_s: float | None = None,
        error: FoleyError | None = None,
    ) -> bool:
        """Give a job its end: ``finished``, ``failed`` (with the error) or ``cancelled``.

        Returns:
            False if it has one already, which then stays, or is not there.
        """
        with self._database.transaction() as rows:
            return jobs.end(rows, job_id, state, elapsed_s, error, self._clock())

    def acknowledge(self, owner: str, job_ids: Sequence[str]) -> Sequence[str]:
        """Mark an owner's ended jobs as fetched; returns those of ``job_ids`` that are marked."""
        with self._database.transaction() as rows:
            return jobs.acknowledge(rows, owner, job_ids, self._clock())

    def forget_old(self) -> None:
        """Forget jobs that nobody will ask for, and uploads that nobody goes on with."""
        with self._database.transaction() as rows:
            forgotten = jobs.forget(rows, self._clock() - KEEP_S)
        if forgotten:
            _log.info("event=forgotten jobs=%d", forgotten)
        self._parts.drop_idle(KEEP_PART_S)

    # ---- takes -------------------------------------------------------------------------

    def put_take(
        self, job_id: str, number: int, take_key: str, pcm: bytes, facts: Mapping[str, Any]
    ) -> None:
        """Keep a take; when this returns it is on the disk, synced, with its facts beside it.

        Args:
            job_id: whose take it is.
            number: counts from 0 within the job.
            take_key: as content_keys.take_key makes it.
            pcm: 24-bit little-endian samples.
            facts: JSON values and fractions, true of the take whatever job asks for it:
                another job may link it under another number.

        Raises:
            StorageFailed: there is no room, or the disk cannot be written to.
        """
        text = json.dumps(to_json(facts), allow_nan=False)
        with (
            self._room.reserved(len(pcm)),
            as_storage_failed(self._folder),
            self._files.staged(TAKES, lambda stream: stream.write(pcm), durable=True) as sound,
        ):
            entry = Entry(TAKES, take_key, sound.size_bytes, sound.sha256, text)
            beside = takes.sidecar(entry)
            path = self._files.path(TAKES, take_key)
            with (
                self._files.staged(
                    TAKES, lambda stream: stream.write(beside), durable=True
                ) as note,
                self._database.transaction() as rows,
            ):
                self._files.publish(note, path.with_suffix(SIDECAR_SUFFIX))
                self._files.publish(sound, path)
                index.put(rows, entry)
                takes.link(rows, job_id, number, take_key)

    def link_take(self, job_id: str, number: int, take_key: str) -> StoredTake | None:
        """Give a job the take that the same request made before, if there is a whole one."""
        with self._database.transaction() as rows:
            entry = index.find(rows, TAKES, take_key)
        if entry is None:
            return None
        take = self._take(number, entry)
        if take.read() is None:
            self.drop_take(take)
            return None
        with self._database.transaction() as rows:
            if index.find(rows, TAKES, take_key) != entry:
                return None  # evicted meanwhile
            index.touch(rows, TAKES, take_key)
            takes.link(rows, job_id, number, take_key)
        return take

    def takes(self, job_id: str) -> Sequence[StoredTake]:
        """A job's takes so far, in order."""
        with self._database.transaction() as rows:
            found = takes.of_job(rows, job_id)
        return [self._take(number, entry) for number, entry in found]

    def drop_take(self, take: StoredTake) -> None:
        """Forget a take that could not be read; finished jobs that lack it are run again.

        They are queued at the server's next start, unless somebody acknowledges them.
        """
        with self._database.transaction() as rows:
            entry = index.find(rows, TAKES, take.key)
            if entry is not None and entry.sha256 == take.sha256:
                index.drop(rows, TAKES, take.key)
                self._files.remove(TAKES, take.key)
                jobs.requeue_incomplete(rows)
                _log.error("event=damaged_take key=%s", take.key)

    def _take(self, number: int, entry: Entry) -> StoredTake:
        return StoredTake(
            key=entry.key,
            number=number,
            path=self._files.path(TAKES, entry.key),
            size_bytes=entry.size_bytes,
            sha256=entry.sha256,
            facts=json.loads(entry.facts),
        )

    # ---- features ----------------------------------------------------------------------

    def put_features(self, key: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keep features, as made by content_keys.features_key, for the next take.

        They can be made again, so where they cannot be kept there is only a line in the log.
        """
        size_bytes = sum(array.nbytes for array in arrays.values())
        try:
            with (
                self._room.reserved(size_bytes),
                as_storage_failed(self._folder),
                self._files.staged(
                    FEATURES, lambda stream: write_arrays(stream, arrays), durable=False
                ) as staged,
                self._database.transaction() as rows,
            ):
                self._files.publish(staged, self._files.path(FEATURES, key))
                index.put(rows, Entry(FEATURES, key, staged.size_bytes, staged.sha256))
        except StorageFailed as error:
            _log.warning("event=features_not_kept reason=%r", error.detail or error.message)

    def features(self, key: str) -> Mapping[str, NDArray[Any]] | None:
        """Features that were kept, if they are still there and whole."""
        with self._database.transaction() as rows:
            entry = index.find(rows, FEATURES, key)
            if entry is not None:
                index.touch(rows, FEATURES, key)
        if entry is None:
            return None
        content = self._files.read(FEATURES, key, entry.size_bytes, entry.sha256)
        return None if content is None else read_arrays(content)

    # ---- the whole ---------------------------------------------------------------------

    def usage(self) -> Usage:
        """How much is stored, how much of that waits to be fetched, how much the disk has."""
        return self._room.usage()

    def note_speed(self, bundle_sha256: str, device: str, speed: float) -> None:
        """Remember how many seconds of work a second of clip took."""
        with self._database.transaction() as rows:
            rows.execute(
                "INSERT OR REPLACE INTO speeds VALUES (?, ?, ?)", (bundle_sha256, device, speed)
            )

    def speed(self, bundle_sha256: str, device: str) -> float | None:
        """What was noted last."""
        with self._database.transaction() as rows:
            row = rows.execute(
                "SELECT speed FROM speeds WHERE bundle_sha256 = ? AND device = ?",
                (bundle_sha256, device),
            ).fetchone()
        return None if row is None else row[0]
