"""One decoder process: reads questions, decodes, answers; the only reader of strangers' files.

    python -m foleyline_server.media.decoder

It ends when its server does, and after an error: the next file gets a process that the bad one
has not been in. A defect ends it too: the server makes of that what it makes of every decoder
that breaks down.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from importlib import import_module
from pkgutil import walk_packages
from traceback import format_exception
from types import TracebackType

import av

from foleyline_contract.errors import FileUnreadable, FoleyError, ServerError
from foleyline_contract.fields import to_json
from foleyline_server.media.confinement import confine, renew_time
from foleyline_server.media.cuts import find_cuts
from foleyline_server.media.frames import iter_pictures, probe
from foleyline_server.media.framing import (
    ANSWER_HEAD,
    LENGTH,
    TEXT_MAX_BYTES,
    AskCuts,
    AskLook,
    AskProbe,
    Cut,
    Kind,
    Moments,
    Question,
    Trouble,
    read_question,
)
from foleyline_server.media.pictures import Pixels

_BEAT_S = 0.5
_TEXT_CHARS = 1000
"""Of each text of an error, counted from its end."""


class Questions:
    """Standard input: a socket that descriptors come through, or a plain pipe.

    Raises:
        EOFError: the server is gone, or wants us to go.
    """

    def __init__(self) -> None:
        is_socket = stat.S_ISSOCK(os.fstat(0).st_mode)
        self._socket = socket.socket(fileno=0) if is_socket else None
        self.descriptor: int | None = None
        """Of the file that the last question is about."""

    def next(self) -> Question:
        """Wait for a question."""
        (length,) = LENGTH.unpack(self._read(LENGTH.size))
        return read_question(self._read(length))

    def close_file(self) -> None:
        """Close the file that the last question was about."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _read(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count:
            part = self._some(count)
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _some(self, count: int) -> bytes:
        if self._socket is None:
            return os.read(0, count)
        part, descriptors, _, _ = socket.recv_fds(self._socket, count, 1)
        if descriptors:
            (self.descriptor,) = descriptors
        return part


class Answers:
    """Standard output."""

    def __init__(self) -> None:
        self._stream = sys.stdout.buffer
        self._beaten_s = 0.0

    def tell(self, kind: Kind, content: bytes = b"") -> None:
        """Send an answer."""
        self._stream.write(ANSWER_HEAD.pack(kind, len(content)))
        self._stream.write(content)
        self._stream.flush()

    def tell_text(self, kind: Kind, value: object) -> None:
        """Send an answer that is JSON."""
        content = json.dumps(to_json(value)).encode()
        if len(content) > TEXT_MAX_BYTES:
            raise ValueError("an answer is too long")
        self.tell(kind, content)

    def beat(self) -> None:
        """Another frame is decoded; tells the server now and then."""
        now_s = time.monotonic()
        if now_s - self._beaten_s > _BEAT_S:
            self._beaten_s = now_s
            renew_time()
            self.tell(Kind.BEAT)


def main() -> int:
    """Serve until the server closes the pipe, or a file cannot be used; returns the exit code."""
    questions, answers = Questions(), Answers()
    sys.excepthook = partial(_tell_defect, answers)
    _import_all()
    confine()
    answers.tell(Kind.READY)
    try:
        while True:
            question = questions.next()
            renew_time()
            _answer(question, questions, answers)
    except FoleyError as error:
        _tell_error(error, answers)
    except MemoryError as error:
        unreadable = FileUnreadable("The file needs more memory than decoding may take.")
        unreadable.detail = str(error)
        _tell_error(unreadable, answers)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # Without the interpreter's own farewell, which would flush into the closed pipe.
        os._exit(0)
    return 0


def _import_all() -> None:
    """What PyAV would import when a file first needs it, and then could not."""
    for module in walk_packages(av.__path__, "av."):
        if module.name not in ("av.__main__", "av.datasets"):
            import_module(module.name)


def _answer(question: Question, questions: Questions, answers: Answers) -> None:
    match question:
        case AskProbe(path):
            shown = probe(path, answers.beat, questions.descriptor)
            questions.close_file()
            answers.tell_text(Kind.PROBED, shown)
        case AskLook():
            _look(question, questions, answers)
        case AskCuts(clip):
            for cut_s in find_cuts(clip, answers.beat, questions.descriptor):
                answers.tell_text(Kind.CUT, Cut(cut_s))
            questions.close_file()
            answers.tell(Kind.DONE)
        case Moments():
            raise ValueError("moments of no clip")


def _look(look: AskLook, questions: Questions, answers: Answers) -> None:
    shown: Pixels | None = None
    pictures = iter_pictures(
        look.clip, look.spec, _moments(questions), answers.beat, questions.descriptor
    )
    for picture in pictures:
        if picture is shown:
            answers.tell(Kind.SAME)
        else:
            answers.tell(Kind.PICTURE, picture.tobytes())
        shown = picture
        renew_time()
    questions.close_file()
    answers.tell(Kind.DONE)


def _moments(questions: Questions) -> Iterator[Fraction]:
    while True:
        question = questions.next()
        if not isinstance(question, Moments):
            raise ValueError("a question came before the end of the last")
        if not question.times_s:
            return
        yield from question.times_s


def _tell_error(error: FoleyError, answers: Answers) -> None:
    texts = (error.message, error.remedy, error.detail)
    message, remedy, detail = (text[-_TEXT_CHARS:] for text in texts)
    answers.tell_text(Kind.ERROR, Trouble(error.code, message, remedy, detail))


def _tell_defect(
    answers: Answers,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> None:
    """Tell the server what ends this process: where its log is a file, we may not write to it."""
    text = "".join(format_exception(kind, error, trace))
    _tell_error(ServerError("A decoder met a defect.", detail=text), answers)


if __name__ == "__main__":
    sys.exit(main())
