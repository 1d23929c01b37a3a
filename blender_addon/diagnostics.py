"""What somebody who helps needs to know, as text. Names no media, no paths but file names."""

from __future__ import annotations

import platform
from collections import Counter
from pathlib import Path

import bpy

from foleyline_client.server_process import log_folder
from foleyline_contract.address import is_loopback
from foleyline_contract.version import PACKAGE_VERSION, PROTOCOL_VERSION

from .link import link
from .preferences import preferences
from .redaction import without_folders

_LOG_LINES = 20
_LOG_TAIL_BYTES = 16 << 10


def text(context: bpy.types.Context) -> str:
    """Versions, the server's state, bundles, jobs, last errors and last log lines."""
    board = link.board
    chosen = preferences(context)
    address = "this computer" if is_loopback(chosen.server_address()) else "another computer"
    states = Counter(job.state.name.lower() for job in board.jobs.values())
    lines = [
        f"Foleyline {PACKAGE_VERSION}, protocol {PROTOCOL_VERSION}",
        f"Blender {bpy.app.version_string}, {platform.platform()}, Python "
        f"{platform.python_version()}",
        f"Server on {address}, {board.link.name.lower()}, version {board.server_version or '?'}, "
        f"device {board.device or '?'}, opens paths: {board.opens_paths}",
        f"Starts a server: {chosen.start_server}, program set: {bool(chosen.program)}, "
        f"key set: {bool(chosen.key)}, online access: {bpy.app.online_access}",
        f"Status: {board.server_text or 'unknown'}",
        *(f"Bundle {b.name} {b.version}, {b.family}, sha256 {b.sha256}" for b in board.bundles),
        f"Jobs: {dict(states)}, waiting to be saved: {len(link.unsaved)}",
        *(f"Error: {p.code}: {p.message}" for p in board.problems),
        "Last lines of the server's log:",
        *_log_lines(log_folder() / "server.log"),
    ]
    return without_folders("\n".join(lines)) + "\n"


def _log_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - _LOG_TAIL_BYTES))
            tail = log.read().decode(errors="replace")
    except OSError:
        return ["(there is none on this computer)"]
    return tail.splitlines()[-_LOG_LINES:]
