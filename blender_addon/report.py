"""From states and errors to words and buttons. No bpy here.

Every sentence an artist reads in the panel about the server or a failure is made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from foleyline_contract.messages import BundleInfo

from . import notices as n
from .board import CANCELLED, Board, Link, Request

Level = Literal["INFO", "WARNING", "ERROR"]

STAGE_TEXTS = {
    "queued": "Waiting",
    "loading": "Loading Model",
    "decoding": "Reading Movie",
    "encoding": "Watching Picture",
    "sampling": "Making Sound",
    "vocoding": "Finishing Sound",
}

PREFERENCES = "foleyline.open_preferences"
CONNECT = "foleyline.connect"
START_SERVER = "Start Server"
_BUTTONS = {
    "server_unreachable": (CONNECT, START_SERVER),
    "server_lost": (CONNECT, START_SERVER),
    "server_start_failed": (PREFERENCES, "Open Preferences"),
    "protocol_mismatch": (PREFERENCES, "Open Preferences"),
    "address_unavailable": (PREFERENCES, "Open Preferences"),
    "online_access": (PREFERENCES, "Open Preferences"),
}
ONLINE_ACCESS_OFF = n.Problem(
    "online_access",
    "The server is on another computer and Blender may not use the network.",
    "Turn on Allow Online Access in Blender's preferences, under System.",
)


@dataclass(frozen=True, slots=True)
class Advice:
    """How a problem is shown: level for Operator.report, text, and perhaps a button."""

    level: Level
    text: str
    operator: str | None = None
    label: str = ""
    start: bool = False
    """Whether the button starts a server."""


def advice_for(problem: n.Problem) -> Advice:
    """What to tell the artist about a problem."""
    if problem.code == CANCELLED:
        return Advice("INFO", "Foley generation cancelled")
    operator, label = _BUTTONS.get(problem.code, (None, ""))
    text = f"{problem.message} {problem.remedy}".strip()
    return Advice("ERROR", text, operator, label, start=label == START_SERVER)


@dataclass(frozen=True, slots=True)
class LinkText:
    """The panel's first row."""

    icon: Literal["UNLINKED", "SORTTIME", "ERROR", "CHECKMARK"]
    text: str


def link_text(board: Board) -> LinkText:
    """The connection in a few words."""
    match board.link:
        case Link.OFF:
            return LinkText("UNLINKED", "Not Connected")
        case Link.CONNECTING:
            return LinkText("SORTTIME", board.link_text or "Connecting…")
        case Link.FAILED:
            return LinkText("ERROR", "No Server")
        case Link.READY:
            name = board.default_bundle or "no model installed"
            device = f" on {board.device}" if board.device else ""
            return LinkText("CHECKMARK", f"Ready: {name}{device}")


def time_text(left_s: float | None) -> str:
    """``12 s left``, ``3 min left``, or nothing."""
    if left_s is None:
        return ""
    if left_s < 90:
        return f"{max(1, round(left_s))} s left"
    return f"{round(left_s / 60)} min left"


def progress_text(board: Board, now_s: float) -> str:
    """The progress bar's text: ``43 % · 12 s left``."""
    left = time_text(board.time_left_s(now_s))
    percent = f"{int(board.fraction * 100)} %"
    return f"{percent} · {left}" if left else percent


def stage_text(board: Board) -> str:
    """What is being done right now, and to which of several strips."""
    request = board.current
    if request is None:
        return "Finishing…"
    if request.cancelling:
        return "Cancelling…"
    text = STAGE_TEXTS.get(request.stage, request.stage.capitalize())
    if request.stage == "queued" and request.ahead:
        text = f"Waiting for {request.ahead} other job{'s' if request.ahead > 1 else ''}"
    if request.steps > 1:
        text += f" {request.step}/{request.steps}"
    if len(board.requests) > 1:
        number = 1 + sum(r.ended for r in board.requests.values())
        text = f"Strip {number} of {len(board.requests)}: {text}"
    return text


def bundle_text(bundles: Sequence[BundleInfo], wanted: str, default: str) -> str:
    """One line about the chosen bundle's own settings."""
    name = wanted or default
    for info in bundles:
        if info.name == name:
            return f"{info.steps} steps, guidance {info.cfg_scale:g}, sync {info.align_scale:g}"
    return f"The server has no model '{name}'" if wanted and bundles else ""


def take_rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and value of what a take's strip says about itself, for the panel."""
    rows = [("Seed", str(record.get("seed", "?")))]
    if record.get("takes", 1) > 1:
        rows.append(("Take", f"{record.get('take', '?')} of {record['takes']}"))
    for label, key in (
        ("Model", "bundle"),
        ("Sampler", "sampler"),
        ("Steps", "steps"),
        ("Guidance", "cfg_scale"),
        ("Sync", "align_scale"),
        ("Vocoder", "vocoder"),
    ):
        value = record.get(key)
        if value not in (None, ""):
            rows.append((label, f"{value:g}" if isinstance(value, float) else str(value)))
    return rows


def outcome(requests: Sequence[Request], skipped: Sequence[str], orphans: Sequence[str]) -> Advice:
    """The sentence that ends a generation, for the status bar.

    Args:
        requests: all requests of this click, ended.
        skipped: sentences about strips that were not sent.
        orphans: names of strips that were gone when their takes arrived.
    """
    made = [r for r in requests if r.takes and r.problem is None and r.strip_name not in orphans]
    failed = [r.problem for r in requests if r.problem is not None and not r.cancelled]
    notes = [f"{p.message} {p.remedy}" for p in failed[:1]] + list(skipped[:1])
    notes += [f"The strip '{name}' is gone; its take was kept on disk." for name in orphans]
    if any(r.cancelled for r in requests):
        notes.insert(0, "Cancelled.")
    if notes == ["Cancelled."] and not made:
        return Advice("INFO", "Foley generation cancelled")
    if made and len(requests) == 1:
        seed = made[0].takes[0].seed
        notes.insert(0, f"Foley generated for '{made[0].strip_name}', seed {seed}.")
    elif made:
        notes.insert(0, f"Foley generated for {len(made)} of {len(requests)} strips.")
    return Advice("WARNING" if failed or skipped or orphans else "INFO", " ".join(notes))


def wrap(text: str, width_chars: int) -> list[str]:
    """Lines of at most ``width_chars`` characters; longer words stay whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width_chars:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
