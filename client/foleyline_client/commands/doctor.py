"""``foley doctor``."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from foleyline_client.commands.reply import Reply
from foleyline_client.connection import add_connection
from foleyline_client.doctor import check_all
from foleyline_contract.check import PROBLEM, said_of
from foleyline_contract.fields import to_json


def add_doctor(commands: Any) -> None:  # noqa: ANN401 - argparse has no public name for it
    """Add the command to ``foley``."""
    doctor = commands.add_parser(
        "doctor",
        help="find out what is wrong",
        description="Checks this client, its key and its way to the server; the server, its disk "
        "and its bundles; and says what to do. The exit code is 1 when there is a problem.",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")
    add_connection(doctor)
    doctor.set_defaults(run=_doctor)


def _doctor(options: Namespace) -> Reply:
    checks = list(check_all(options.server, options.key))
    code = int(any(check.state == PROBLEM for check in checks))
    if options.json:
        return Reply((json.dumps([to_json(check) for check in checks]),), code)
    return Reply(tuple(said_of(checks)), code)
