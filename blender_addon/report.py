"""From states and errors to words and buttons. No bpy here.

Every sentence an artist reads about the server, a job or a failure is made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from foleyline_contract.messages import BundleInfo

from . import notices as n
from .board import Board, Link
from .jobs import CANCELLED, Job, State
from .words import several, tip, tr

Level = Literal["INFO", "WARNING", "ERROR"]
Icon = Literal[
    "UNLINKED", "SORTTIME", "ERROR", "CHECKMARK", "RENDER_ANIMATION", "PLAY", "X", "IMPORT"
]

STAGE_TEXTS = {
    "queued": "Waiting",
    "uploading": "Sending Picture",
    "loading": "Loading Model",
    "decoding": "Reading Movie",
    "encoding": "Watching Picture",
    "sampling": "Making Sound",
    "vocoding": "Finishing Sound",
}
STATE_ICONS: dict[State, Icon] = {
    State.HELD: "SORTTIME",
    State.RENDERING: "RENDER_ANIMATION",
    State.WAITING: "SORTTIME",
    State.RUNNING: "PLAY",
    State.LANDING: "IMPORT",
    State.DONE: "CHECKMARK",
    State.FAILED: "ERROR",
    State.CANCELLED: "X",
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
        return Advice("INFO", tip("Foley generation cancelled"))
    operator, label = _BUTTONS.get(problem.code, (None, ""))
    text = f"{tip(problem.message)} {tip(problem.remedy) if problem.remedy else ''}".strip()
    return Advice("ERROR", text, operator, tr(label) if label else "", label == START_SERVER)


@dataclass(frozen=True, slots=True)
class LinkText:
    """The panel's first row."""

    icon: Icon
    text: str


def link_text(board: Board) -> LinkText:
    """The connection in a few words."""
    match board.link:
        case Link.OFF:
            return LinkText("UNLINKED", tr("Not Connected"))
        case Link.CONNECTING:
            return LinkText("SORTTIME", tr(board.link_text))
        case Link.LOST:
            return LinkText("ERROR", tr(board.link_text))
        case Link.FAILED:
            return LinkText("ERROR", tr("No Server"))
        case Link.READY if not board.default_bundle:
            return LinkText("ERROR", tr("The server has no model"))
        case Link.READY if board.device:
            name, device = board.default_bundle, board.device
            return LinkText("CHECKMARK", tr("Ready: {name} on {device}", name=name, device=device))
        case Link.READY:
            return LinkText("CHECKMARK", tr("Ready: {name}", name=board.default_bundle))


def duration_text(duration_s: float) -> str:
    """``12 s``, ``3 min``, ``2 h 5 min``."""
    if duration_s < 90:
        return tr("{count} s", count=max(1, round(duration_s)))
    minutes = round(duration_s / 60)
    if minutes < 90:
        return tr("{count} min", count=minutes)
    return tr("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def time_text(left_s: float | None) -> str:
    """``12 s left``, ``3 min left``, or nothing."""
    return "" if left_s is None else tr("{time} left", time=duration_text(left_s))


def progress_text(fraction: float, left_s: float | None) -> str:
    """A progress bar's text: ``43 % · 12 s left``."""
    left = time_text(left_s)
    percent = f"{int(fraction * 100)} %"
    return f"{percent} · {left}" if left else percent


def total_text(board: Board, now_s: float) -> str:
    """The text of the bar over all jobs: ``2 of 30 · 43 % · 12 s left``, or how they begin."""
    if board.current is not None and not board.fraction:
        return stage_text(board.current, board.link)
    text = progress_text(board.fraction, board.time_left_s(now_s))
    if len(board.burst) < 2:
        return text
    ended = sum(job.has_ended for job in board.burst)
    count = tr("{ended} of {count}", ended=ended, count=len(board.burst))
    return f"{count} · {text}"


def stage_text(job: Job, link: Link) -> str:
    """What is being done for a job right now, or what became of it."""
    match job.state:
        case State.DONE:
            return job.remark or several(len(job.takes), "1 take", "{count} takes")
        case State.FAILED:
            return tr("Failed")
        case State.CANCELLED:
            return tr("Cancelled")
        case State.LANDING:
            return tr("Placing Takes")
        case _ if job.cancelling:
            return tr("Cancelling…")
        case State.HELD if job.shot is not None and link is Link.READY:
            return tr("Waiting to be rendered")
        case State.HELD:
            return tr("Waiting for the server")
        case State.RENDERING:
            return tr("Rendering Picture")
        case _ if link is Link.LOST:
            return tr("Waiting for the server")
        case _:
            text = tr(STAGE_TEXTS.get(job.stage, job.stage.capitalize()))
            return f"{text} {job.step}/{job.steps}" if job.steps > 1 else text


def search_text(board: Board) -> str:
    """``Finding Shots 1/3``."""
    done, count = board.search
    return f"{tr('Finding Shots')} {done}/{count}"


def others_text(board: Board) -> str:
    """A line about jobs of other clients, or nothing."""
    if not board.others:
        return ""
    return several(board.others, "1 other job on the server", "{count} other jobs on the server")


def more_text(count: int) -> str:
    """A line for jobs that the list has no room for."""
    return several(count, "1 more", "{count} more")


def bundle_text(bundles: Sequence[BundleInfo], wanted: str, default: str) -> str:
    """One line about the chosen bundle's own settings."""
    name = wanted or default
    for info in bundles:
        if info.name == name:
            return tr(
                "{steps} steps, guidance {guidance}, sync {sync}",
                steps=info.steps,
                guidance=f"{info.cfg_scale:g}",
                sync=f"{info.align_scale:g}",
            )
    return tr("The server has no model '{name}'", name=wanted) if wanted and bundles else ""


def bundle_tip(info: BundleInfo) -> str:
    """What a model's entry in the list says on hovering: description, licence, speed."""
    if info.speed is None:
        speed = tip("Speed not measured yet")
    else:
        time = f"{info.speed:.2g}"
        speed = tip("{time} s of work for a second of picture", time=time)
    licence = tip("Licence of the weights: {licence}", licence=info.licence)
    return f"{info.description.rstrip('.')}. {licence}. {speed}"


def outcome(jobs: Sequence[Job], skipped: Sequence[str]) -> Advice:
    """The sentence that ends a generation that somebody waited for.

    Args:
        jobs: all jobs of this click, ended.
        skipped: sentences about strips that were not sent.
    """
    made = [job for job in jobs if job.state is State.DONE and not job.remark]
    failed = [job.problem for job in jobs if job.state is State.FAILED and job.problem]
    notes = [f"{tip(p.message)} {tip(p.remedy)}".strip() for p in failed[:1]]
    notes += [job.remark for job in jobs if job.remark] + list(skipped[:1])
    cancelled = any(job.state is State.CANCELLED for job in jobs)
    if cancelled and not (notes or made):
        return Advice("INFO", tip("Foley generation cancelled"))
    if cancelled:
        notes.insert(0, tip("Cancelled."))
    if made and len(jobs) == 1:
        seed = made[0].takes[0].seed
        text = tip("Foley generated for '{name}', seed {seed}.", name=made[0].label, seed=seed)
        notes.insert(0, text)
    elif made:
        text = tip("Foley generated for {made} of {count} strips.", made=len(made), count=len(jobs))
        notes.insert(0, text)
    odd = failed or skipped or any(job.remark for job in jobs)
    return Advice("WARNING" if odd else "INFO", " ".join(notes))


def wrap(text: str, width_chars: int) -> list[str]:
    """Lines of at most ``width_chars`` characters; longer words stay whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width_chars:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
