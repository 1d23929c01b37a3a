"""What the server and its decoder processes say to each other, through pipes.

A question is a length and JSON; a file's descriptor is attached where the system can hand one
over. ``AskLook`` is followed by the moments, some at a time, until none are left. An answer is a
kind, a length and its content. Nothing is ever unpickled, and the server
trusts no answer: a decoder may have been taken over by the file that it reads.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Any

from foleyline_contract.fields import from_json, to_json
from foleyline_contract.messages import Clip
from foleyline_contract.specs import PictureSpec

LENGTH = struct.Struct("!I")
"""Before a question."""
ANSWER_HEAD = struct.Struct("!BI")
"""Before an answer: its kind and the length of what follows."""
TEXT_MAX_BYTES = 1 << 16
"""Longest answer that is no picture."""


class Kind(IntEnum):
    """What an answer is."""

    READY = 1
    """The process is up; told once."""
    BEAT = 2
    """Work goes on; no picture yet."""
    PICTURE = 3
    """RGB, height_px * width_px * 3 bytes, for the next moment."""
    SAME = 4
    """The next moment has the picture that the one before it has."""
    DONE = 5
    """That was all, and the file is closed."""
    PROBED = 6
    ERROR = 7
    CUT = 8


@dataclass(frozen=True, slots=True)
class AskProbe:
    """What does this file show?"""

    path: str


@dataclass(frozen=True, slots=True)
class AskLook:
    """Give the pictures of a clip."""

    clip: Clip
    spec: PictureSpec


@dataclass(frozen=True, slots=True)
class AskCuts:
    """Where do other shots begin in a clip?"""

    clip: Clip


@dataclass(frozen=True, slots=True)
class Moments:
    """The next moments to give pictures of; none: that was all."""

    times_s: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """The next shot begins so long after the clip's start."""

    time_s: Fraction


@dataclass(frozen=True, slots=True)
class Trouble:
    """A FoleyError on its way."""

    code: str
    message: str
    remedy: str
    detail: str


Question = AskProbe | AskLook | AskCuts | Moments
_QUESTIONS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (AskProbe, AskLook, AskCuts, Moments)
}


def write_question(question: Question) -> bytes:
    """A question with its length.

    Raises:
        FieldError: a fraction is too long.
    """
    content = {"ask": type(question).__name__, "body": to_json(question)}
    text = json.dumps(content).encode()
    return LENGTH.pack(len(text)) + text


def read_question(text: bytes) -> Question:
    """The question in what followed its length."""
    content: dict[str, Any] = json.loads(text)
    return from_json(_QUESTIONS[content["ask"]], content["body"])
