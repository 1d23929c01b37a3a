"""Jobs as rows: what is kept of each, and the questions asked about them."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from foleyline_contract.errors import FoleyError
from foleyline_contract.fields import from_json, to_json
from foleyline_contract.messages import Generate, JobInfo, ListJobs

_log = logging.getLogger(__name__)
ENDED = ("finished", "failed", "cancelled")
_COLUMNS = """id, owner, request, bundle, bundle_sha256, state, created_unix_s, elapsed_s, code,
    message, remedy, acknowledged_unix_s IS NOT NULL,
    (SELECT count(*) FROM takes WHERE takes.job = jobs.number)"""


@dataclass(frozen=True, slots=True)
class StoredJob:
    """One job, as it is on the disk."""

    id: str
    owner: str
    """The client's public key; empty for clients on loopback."""
    request: Generate
    bundle: str
    """Name, with the server's default filled in."""
    bundle_sha256: str
    created_unix_s: float
    state: str = "queued"
    """One of JOB_STATES."""
    elapsed_s: float | None = None
    code: str = ""
    message: str = ""
    remedy: str = ""
    acknowledged: bool = False
    takes_done: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come of it."""
        return self.state in ENDED

    def info(self, fraction: float) -> JobInfo:
        """What clients are told of it; ``fraction`` in [0, 1] is known to the queue only."""
        return JobInfo(
            job_id=self.id,
            state=self.state,
            request=self.request,
            bundle=self.bundle,
            fraction=fraction,
            takes_done=self.takes_done,
            acknowledged=self.acknowledged,
            created_unix_s=self.created_unix_s,
            elapsed_s=self.elapsed_s,
            code=self.code,
            message=self.message,
            remedy=self.remedy,
        )


def insert(rows: sqlite3.Connection, job: StoredJob) -> bool:
    """Add a job; False if that id is there already."""
    request = job.request
    added = rows.execute(
        """INSERT INTO jobs (id, owner, strip, upload, takes_asked, request, bundle,
            bundle_sha256, state, created_unix_s)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING""",
        (
            job.id, job.owner, _text(request.origin.strip), request.clip.upload,
            request.settings.takes, json.dumps(to_json(request)), job.bundle,
            job.bundle_sha256, job.state, job.created_unix_s,
        ),
    )  # fmt: skip
    return added.rowcount == 1


def find(rows: sqlite3.Connection, job_id: str) -> StoredJob | None:
    """The job of that id."""
    found = _jobs(rows.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (_text(job_id),)))
    return found[0] if found else None


def select(rows: sqlite3.Connection, owner: str, query: ListJobs) -> list[StoredJob]:
    """An owner's jobs that pass the query, oldest first, one more than its limit.

    An unknown ``after`` (that job was forgotten meanwhile) begins at the beginning.
    """
    where = ["owner = ?"]
    values: list[str] = [owner]
    where.append("number > coalesce((SELECT number FROM jobs WHERE id = ?), 0)")
    values.append(_text(query.after))
    for column, wanted in (("state", query.states), ("strip", query.strips)):
        if wanted:
            where.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values += map(_text, wanted)
    if query.unacknowledged:
        where.append("acknowledged_unix_s IS NULL")
    text = f"SELECT {_COLUMNS} FROM jobs WHERE {' AND '.join(where)} ORDER BY number LIMIT ?"
    return _jobs(rows.execute(text, (*values, query.limit + 1)))


def requeue(rows: sqlite3.Connection) -> list[StoredJob]:
    """All jobs that have not ended, in order; what was running is queued again."""
    rows.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")
    return _jobs(
        rows.execute(f"SELECT {_COLUMNS} FROM jobs WHERE state = 'queued' ORDER BY number")
    )


def requeue_incomplete(rows: sqlite3.Connection) -> int:
    """Queue finished jobs again whose takes are gone before anybody acknowledged them."""
    return rows.execute(
        """UPDATE jobs SET state = 'queued', ended_unix_s = NULL, elapsed_s = NULL
        WHERE state = 'finished' AND acknowledged_unix_s IS NULL
            AND takes_asked > (SELECT count(*) FROM takes WHERE takes.job = jobs.number)"""
    ).rowcount


def set_running(rows: sqlite3.Connection, job_id: str) -> None:
    """A queued job has left the queue."""
    rows.execute("UPDATE jobs SET state = 'running' WHERE id = ? AND state = 'queued'", (job_id,))


def end(
    rows: sqlite3.Connection,
    job_id: str,
    state: str,
    elapsed_s: float | None,
    error: FoleyError | None,
    now_unix_s: float,
) -> bool:
    """Give a job its end; False if it has one already."""
    texts = ("", "", "") if error is None else (error.code, _text(error.message), error.remedy)
    return (
        rows.execute(
            """UPDATE jobs SET state = ?, elapsed_s = ?, code = ?, message = ?, remedy = ?,
                ended_unix_s = ?
            WHERE id = ? AND state IN ('queued', 'running')""",
            (state, elapsed_s, *texts, now_unix_s, job_id),
        ).rowcount
        == 1
    )


def acknowledge(
    rows: sqlite3.Connection, owner: str, job_ids: Sequence[str], now_unix_s: float
) -> list[str]:
    """Mark an owner's ended jobs; returns those that are marked now, in the order given."""
    marks = ", ".join("?" * len(job_ids))
    found: Iterable[tuple[str]] = rows.execute(
        f"""UPDATE jobs SET acknowledged_unix_s = coalesce(acknowledged_unix_s, ?)
        WHERE owner = ? AND id IN ({marks}) AND state NOT IN ('queued', 'running')
        RETURNING id""",
        (now_unix_s, owner, *map(_text, job_ids)),
    ).fetchall()
    marked = {job_id for (job_id,) in found}
    return [job_id for job_id in dict.fromkeys(job_ids) if job_id in marked]


def forget(rows: sqlite3.Connection, before_unix_s: float) -> int:
    """Drop jobs that were acknowledged, or ended without takes, before that moment."""
    return rows.execute(
        """DELETE FROM jobs WHERE acknowledged_unix_s < ?
            OR (ended_unix_s < ? AND state IN ('failed', 'cancelled')
                AND NOT EXISTS (SELECT 1 FROM takes WHERE takes.job = jobs.number))""",
        (before_unix_s, before_unix_s),
    ).rowcount


def _text(text: str) -> str:
    """Text that SQLite takes: JSON may hold halves of surrogate pairs, and so may file names."""
    return text.encode("utf-8", "backslashreplace").decode()


def _jobs(found: Iterable[Any]) -> list[StoredJob]:
    return [job for row in found if (job := _job(row)) is not None]


def _job(row: Sequence[Any]) -> StoredJob | None:
    """A row of _COLUMNS; None, with a line in the log, where this release cannot read it."""
    try:
        request = from_json(Generate, json.loads(row[2]))
    except (ValueError, FoleyError) as error:
        _log.error("job=%s cannot be read any longer: %s", row[0], error)
        return None
    return StoredJob(
        id=row[0],
        owner=row[1],
        request=request,
        bundle=row[3],
        bundle_sha256=row[4],
        state=row[5],
        created_unix_s=row[6],
        elapsed_s=row[7],
        code=row[8],
        message=row[9],
        remedy=row[10],
        acknowledged=bool(row[11]),
        takes_done=row[12],
    )
