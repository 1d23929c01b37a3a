"""The server's log: events as key=value or JSON, each line with the job it is about."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from foleyline_contract.errors import FoleyError, InputError

FORMATS = ("text", "json")
_about: ContextVar[str] = ContextVar("job", default="")


@contextmanager
def about(job_id: str) -> Generator[None]:
    """Let every line that this thread logs meanwhile name the job."""
    token = _about.set(job_id)
    try:
        yield
    finally:
        _about.reset(token)


def note(log: logging.Logger, event: str, level: int = logging.INFO, **facts: object) -> None:
    """Log an event: a name and facts about it."""
    log.log(level, "%s", event, extra={"facts": facts})


def note_error(log: logging.Logger, event: str, error: FoleyError, level: int) -> None:
    """Log that something failed. The details of a wrong input name files: those only for DEBUG."""
    is_private = isinstance(error, InputError)
    detail = "" if is_private else error.detail
    note(log, event, level, code=error.code, reason=error.message, detail=detail)
    if is_private and error.detail:
        note(log, event, logging.DEBUG, code=error.code, detail=error.detail)


def configure(level: str, style: str) -> None:
    """Send all of the process's log to stderr, in one of FORMATS."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines(style))
    logging.basicConfig(level=level.upper(), handlers=[handler])


class _Lines(logging.Formatter):
    def __init__(self, style: str) -> None:
        super().__init__()
        self._json = style == "json"

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, Any] = dict(getattr(record, "facts", {}))
        if job_id := _about.get():
            facts.setdefault("job", job_id)
        trace = ""
        if record.exc_info:
            trace = self.formatException(record.exc_info)
        if self._json:
            return _as_json(record, facts, trace)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(record.created))
        words = [f"{stamp}.{record.msecs:03.0f}", record.levelname, record.getMessage()]
        words += [f"{key}={_as_text(value)}" for key, value in facts.items()]
        return " ".join(words) + (f"\n{trace}" if trace else "")


def _as_json(record: logging.LogRecord, facts: Mapping[str, Any], trace: str) -> str:
    line = {
        "time_unix_s": round(record.created, 3),
        "level": record.levelname.lower(),
        "event": record.getMessage(),
        **facts,
    }
    if trace:
        line["trace"] = trace
    return json.dumps(line, default=str)


def _as_text(value: object) -> str:
    """A value on one line; quoted where it has spaces, or what a client made up could forge."""
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    plain = text.isprintable() and text and not set(text) & set(' "=')
    return text if plain else json.dumps(text)
