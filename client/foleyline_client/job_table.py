"""Jobs as a table, and jobs by the beginning of their ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath

from foleyline_client.wording import duration_text
from foleyline_contract.errors import SettingInvalid
from foleyline_contract.messages import JobInfo

ENDED = frozenset({"finished", "failed", "cancelled"})
_ID_CHARS = 8
_LABEL_CHARS = 32
_HEADINGS = ("JOB", "STATE", "LABEL", "TAKES", "DONE", "AGE", "")


def label_of(info: JobInfo) -> str:
    """What the job is for: its strip's or file's name."""
    return info.request.origin.label or PurePath(info.request.clip.path.replace("\\", "/")).name


def short_ids(infos: Iterable[JobInfo]) -> dict[str, str]:
    """For each id its beginning, as long as it has to be to mean one job."""
    ids = {info.job_id for info in infos}
    longest = max(map(len, ids), default=0)
    for length in range(_ID_CHARS, longest + 1):
        shortened = {job_id: job_id[:length] for job_id in ids}
        if len(set(shortened.values())) == len(ids):
            return shortened
    return {job_id: job_id for job_id in ids}


def find_jobs(infos: Sequence[JobInfo], beginnings: Iterable[str]) -> list[JobInfo]:
    """The jobs whose ids begin so, in the order in which they were named, each once.

    Raises:
        SettingInvalid: a beginning means no job, or several.
    """
    found: dict[str, JobInfo] = {}
    for beginning in beginnings:
        fitting = [info for info in infos if info.job_id.startswith(beginning)]
        exact = [info for info in fitting if info.job_id == beginning]
        if len(exact or fitting) > 1:
            raise SettingInvalid(
                f"Several jobs begin with {beginning!r}.",
                remedy="Write more of the id; 'foley jobs --all --json' has all of it.",
            )
        if not fitting or not beginning:
            raise SettingInvalid(
                f"The server has no job {beginning!r}.", remedy="'foley jobs --all' lists them."
            )
        info = (exact or fitting)[0]
        found[info.job_id] = info
    return list(found.values())


def table(infos: Sequence[JobInfo], clock: Callable[[], float] = time.time) -> list[str]:
    """A line for each job, under headings."""
    shortened = short_ids(infos)
    now = clock()
    rows = [_HEADINGS] + [_row(info, shortened[info.job_id], now) for info in infos]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS) - 1)]
    return [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]])
        .rstrip()
        for row in rows
    ]  # fmt: skip


def _row(info: JobInfo, job_id: str, now: float) -> tuple[str, ...]:
    label = _one_line(label_of(info))
    if len(label) > _LABEL_CHARS:
        label = f"{label[: _LABEL_CHARS - 1]}…"
    return (
        job_id,
        info.state,
        label,
        f"{info.takes_done}/{info.request.settings.takes}",
        f"{info.fraction:.0%}",
        duration_text(now - info.created_unix_s),
        _one_line(info.message),
    )


def _one_line(text: str) -> str:
    """Text of others, without anything that would move a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in text)
