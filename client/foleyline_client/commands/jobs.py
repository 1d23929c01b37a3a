"""``foley jobs``, ``foley cancel`` and ``foley forget``."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from foleyline_client.commands.reply import Reply
from foleyline_client.connection import Connection, add_connection
from foleyline_client.job_table import ENDED, find_jobs, label_of, short_ids, table
from foleyline_client.session import Session
from foleyline_contract.errors import SettingInvalid
from foleyline_contract.fields import to_json
from foleyline_contract.messages import JobInfo

_END_S = 30.0
"""Wait for cancelled jobs, each of which ends at its next step."""
_LOOK_S = 0.1


def add_jobs(commands: Any) -> None:  # noqa: ANN401 - argparse has no public name for it
    """Add the commands to ``foley``."""
    jobs = commands.add_parser(
        "jobs",
        help="list the jobs that the server has",
        description="Lists jobs that wait or run, and those that have ended and whose takes "
        "nobody has fetched yet.",
    )
    jobs.add_argument("--all", action="store_true", help="those that were fetched, too")
    jobs.add_argument("--json", action="store_true", help="print JSON")
    jobs.set_defaults(run=_jobs)
    cancel = commands.add_parser(
        "cancel",
        help="end jobs",
        description="Ends jobs that wait or run. Takes that are finished can still be fetched.",
    )
    _add_ids(cancel, "--all", "all that wait or run, whoever asked for them")
    cancel.set_defaults(run=_cancel)
    forget = commands.add_parser(
        "forget",
        help="give up takes that nobody has fetched",
        description="Lets the server drop the takes of ended jobs when it needs the room, without "
        "fetching them.",
    )
    _add_ids(forget, "--all-finished", "all that have ended, whoever asked for them")
    forget.set_defaults(run=_forget)
    for command in (jobs, cancel, forget):
        add_connection(command)


def _add_ids(parser: ArgumentParser, everything: str, text: str) -> None:
    parser.add_argument(
        "job", nargs="*", metavar="JOB", help="an id, or as much of it as means one job"
    )
    parser.add_argument(everything, action="store_true", dest="everything", help=text)


def _jobs(options: Namespace) -> Reply:
    with Connection.of(options).open() as session:
        infos = session.all_jobs()
    if not options.all:
        infos = tuple(i for i in infos if i.state not in ENDED or not i.acknowledged)
    if options.json:
        return Reply((json.dumps([to_json(info) for info in infos]),))
    if not infos:
        return Reply(("No jobs.",))
    return Reply(tuple(table(infos)))


def _cancel(options: Namespace) -> Reply:
    with Connection.of(options).open() as session:
        infos = session.all_jobs()
        chosen = _chosen(options, infos, [info for info in infos if info.state not in ENDED])
        for info in chosen:
            if info.state not in ENDED:
                session.cancel(info.job_id)
        ends = _await_ends(session, {i.job_id for i in chosen if i.state not in ENDED})
    shortened = short_ids(infos)
    return Reply(
        tuple(
            f"{shortened[info.job_id]} {label_of(info)}: {_end_text(info, ends)}" for info in chosen
        )
        or ("No jobs.",)
    )


def _end_text(info: JobInfo, ends: dict[str, JobInfo]) -> str:
    if info.state in ENDED:
        return f"had ended already, {info.state}"
    end = ends.get(info.job_id)
    return "asked to end, but still at work" if end is None else end.state


def _await_ends(session: Session, job_ids: set[str]) -> dict[str, JobInfo]:
    ends: dict[str, JobInfo] = {}
    deadline = time.monotonic() + _END_S
    while job_ids - ends.keys() and time.monotonic() < deadline:
        ends = {
            info.job_id: info
            for info in session.all_jobs()
            if info.job_id in job_ids and info.state in ENDED
        }
        session.poll(_LOOK_S)
    return ends


def _forget(options: Namespace) -> Reply:
    with Connection.of(options).open() as session:
        infos = session.all_jobs()
        ended = [info for info in infos if info.state in ENDED and not info.acknowledged]
        chosen = _chosen(options, infos, ended)
        at_work = [info for info in chosen if info.state not in ENDED]
        if at_work:
            raise SettingInvalid(
                f"The job {short_ids(infos)[at_work[0].job_id]} has not ended yet.",
                remedy="Wait for it, or cancel it first.",
            )
        count = len(session.forget(info.job_id for info in chosen))
    return Reply((f"Forgot {count} {'job' if count == 1 else 'jobs'}.",))


def _chosen(
    options: Namespace, infos: Sequence[JobInfo], everything: Sequence[JobInfo]
) -> Sequence[JobInfo]:
    if options.everything:
        return everything
    if not options.job:
        raise SettingInvalid("Which job?", remedy="Name one; 'foley jobs' lists them.")
    return find_jobs(infos, options.job)
