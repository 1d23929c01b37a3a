"""``foley status`` and ``foley stop``."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict
from typing import Any

from foleyline_client import launcher
from foleyline_client.commands.reply import Reply
from foleyline_client.connection import Connection, add_connection
from foleyline_client.wording import bytes_text, duration_text
from foleyline_contract.fields import to_json
from foleyline_contract.messages import ServerStatus, Welcome
from foleyline_contract.palette import palette_text


def add_server(commands: Any) -> None:  # noqa: ANN401 - argparse has no public name for it
    """Add the commands to ``foley``."""
    status = commands.add_parser(
        "status",
        help="say whether a server runs, and what it offers",
        description="Says what the server runs on, which bundles it has, what it is at and what "
        "it keeps on its disk. It never starts one.",
    )
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(run=_status)
    stop = commands.add_parser(
        "stop",
        help="end the server on this machine",
        description="Ends the server. Jobs that have not ended go on when it is started again.",
    )
    stop.add_argument("--if-idle", action="store_true", help="not while it has jobs")
    stop.set_defaults(run=_stop)
    add_connection(status)
    add_connection(stop)


def _status(options: Namespace) -> Reply:
    connection = Connection.of(options)
    session, welcome = connection.open_welcomed()
    with session:
        status = session.status()
    if options.json:
        jobs = status.running + status.queued
        said = {"address": options.server, "jobs": jobs, **to_json(welcome), **asdict(status)}
        return Reply((json.dumps(said),))
    return Reply(tuple(_status_lines(options.server, welcome, status)))


def _status_lines(address: str, welcome: Welcome, status: ServerStatus) -> list[str]:
    up = duration_text(status.uptime_s)
    kept, most, unfetched, left = map(
        bytes_text,
        (
            status.stored_bytes,
            status.stored_max_bytes,
            status.unacknowledged_bytes,
            status.free_bytes,
        ),
    )
    lines = [
        f"Foleyline server {welcome.server_version} at {address}, up {up}",
        f"Jobs: {status.running} running, {status.queued} waiting",
        f"Runs on: {', '.join(welcome.providers)}",
        f"Keeps {kept} of at most {most}, {unfetched} of it not fetched; {left} left on its disk",
    ]
    if status.memory_bytes:
        loaded = f", loaded: {', '.join(status.loaded)}" if status.loaded else ""
        lines.append(f"Memory: {bytes_text(status.memory_bytes)}{loaded}")
    if not welcome.opens_paths:
        lines.append(f"Files are sent to it, of up to {bytes_text(welcome.upload_max_bytes)} each")
    for bundle in welcome.bundles:
        mark = " (default)" if bundle.name == welcome.default_bundle else ""
        lines.append(f"Bundle {bundle.name} {bundle.version}{mark}: {bundle.description}")
        speed = "" if bundle.speed is None else f", {bundle.speed:.2g} s of work for a second"
        lines.append(f"  {bundle.family}, licence {bundle.licence}{speed}, {bundle.sha256[:12]}")
        lines.append(f"  {palette_text(bundle.palette)}")
    return lines


def _stop(options: Namespace) -> Reply:
    connection = Connection.of(options)
    stopped = launcher.stop(options.server, key=connection.key, only_if_idle=options.if_idle)
    return Reply(("Stopped." if stopped else f"No server runs at {options.server}.",))
