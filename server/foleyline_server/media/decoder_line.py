"""The line to one decoder process: its start, its end, and what goes over the pipes between.

The process may lie, fall silent or die at any moment; what to ask it is decoder_process.py's.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, TypeVar, cast

from foleyline_contract.errors import (
    FileUnreadable,
    FoleyError,
    InputError,
    ServerError,
    error_from_wire,
)
from foleyline_contract.fields import from_json
from foleyline_server.media.framing import (
    ANSWER_HEAD,
    TEXT_MAX_BYTES,
    Kind,
    Question,
    Trouble,
    write_question,
)
from foleyline_server.media.source_file import open_regular_file, require_regular_file

COMMAND = (sys.executable, "-P", "-m", "foleyline_server.media.decoder")
_START_MAX_S = 60.0
_POLL_S = 0.05
"""How soon a cancelled job's decoder is ended."""
_ANSWERS_MAX = 256
"""Waiting to be used: more than an honest decoder ever sends unasked."""
_LAST_BREATH_S, _END_S = 0.2, 2.0
HANDS_OVER = hasattr(socket, "send_fds")
"""Whether descriptors can be handed to another process; on Windows it opens the path itself."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a picture."""

    silent_s: float = 30.0
    """Without a sign of progress: more than a sleeping drive takes to wake up."""
    picture_s: float = 600.0
    """Whatever progress is told: some files must be read from their start."""


PATIENCE = Patience()


class DecoderLine:
    """A process that is asked and answers; used by one thread at a time.

    Args:
        command: that starts it.
        patience: with each file.
        hands_over: whether it is given the open file, not only its path.

    Raises:
        ServerError: it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        patience: Patience = PATIENCE,
        *,
        hands_over: bool = HANDS_OVER,
    ) -> None:
        self._patience = patience
        self._name = ""
        self.longest = TEXT_MAX_BYTES
        self._answers: SimpleQueue[tuple[int, bytes] | None] = SimpleQueue()
        self._ready = False
        self.at_rest = True
        """Whether it waits for a question, everything before it answered."""
        self.questions = 0
        self._channel, theirs = socket.socketpair() if hands_over else (None, None)
        try:
            self._process = _start(command, theirs)
        except OSError as error:
            if self._channel is not None:
                self._channel.close()
            raise ServerError("No decoder could be started.", detail=str(error)) from error
        finally:
            if theirs is not None:
                theirs.close()
        self._listener = Thread(target=self._listen, name="decoder", daemon=True)
        self._listener.start()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process, at once."""
        self.at_rest = False
        self._process.kill()
        # One that hangs in a dead network drive cannot be ended now; it ends when that does.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._listener.join(_END_S)
        if self._channel is not None:
            self._channel.close()
        if not self._listener.is_alive():
            for stream in filter(None, (self._process.stdin, self._process.stdout)):
                with suppress(OSError):
                    stream.close()

    def ask(self, question: Question, path: str, check: Callable[[], None]) -> None:
        """Ask about a file, which is opened here.

        Raises:
            FileMissing, FileUnreadable: it cannot be.
            ServerError: the process does not start.
        """
        self._name = Path(path).name
        if not self._ready:
            self._await_ready(check)
        self.questions += 1
        if self._channel is None:
            require_regular_file(path)
            self.send(question)
            return
        descriptor = open_regular_file(path)
        try:
            self.send(question, descriptor)
        finally:
            os.close(descriptor)

    def send(self, question: Question, descriptor: int | None = None) -> None:
        """Send a question, or more of it."""
        data = write_question(question)
        self.at_rest = False
        try:
            if self._channel is None:
                stdin = cast("IO[bytes]", self._process.stdin)
                stdin.write(data)
                stdin.flush()
                return
            if descriptor is not None:
                data = data[socket.send_fds(self._channel, [data], [descriptor]) :]
            self._channel.sendall(data)
        except OSError:
            # It has ended. What it said last, or that it is gone, is heard next.
            return

    def expect(
        self, kinds: tuple[Kind, ...], check: Callable[[], None], most_s: float | None = None
    ) -> tuple[int, bytes]:
        """The next answer, which must be one of ``kinds``; waits ``most_s`` for it, if given.

        Raises:
            InputError: the decoder says that the file cannot be used, or breaks down over it.
        """
        patience = self._patience if most_s is None else replace(self._patience, picture_s=most_s)
        answer = self._answer(check, patience)
        if answer is None:
            raise self.gave_up(self._end())
        if answer[0] == Kind.ERROR:
            raise self._trouble(answer[1])
        if answer[0] not in kinds:
            raise self.gave_up("an answer to another question")
        return answer

    def parsed(self, kind: type[T], content: bytes) -> T:
        """What an answer's JSON says."""
        try:
            return from_json(kind, json.loads(content))
        except (ValueError, RecursionError, FoleyError) as error:
            raise self.gave_up(str(error)) from error

    def gave_up(self, detail: str) -> FileUnreadable:
        """The error for a decoder that breaks down, or says what it cannot mean."""
        self.at_rest = False
        return FileUnreadable(
            f"The file {self._name!r} could not be read: the decoder gave up.", detail=detail
        )

    # ---- inside --------------------------------------------------------------------------

    def _listen(self) -> None:
        """Queue the answers, in a thread of its own; None after the last."""
        stream = cast("IO[bytes]", self._process.stdout)
        while len(head := stream.read(ANSWER_HEAD.size)) == ANSWER_HEAD.size:
            kind, length = ANSWER_HEAD.unpack(head)
            if length > self.longest or self._answers.qsize() > _ANSWERS_MAX:
                break
            content = stream.read(length)
            if len(content) < length:
                break
            self._answers.put((kind, content))
        self._answers.put(None)

    def _await_ready(self, check: Callable[[], None]) -> None:
        answer = self._answer(check, Patience(_START_MAX_S))
        if answer is None or answer[0] != Kind.READY:
            self.at_rest = False
            raise ServerError("A decoder did not start.", detail=self._end())
        self._ready = True

    def _answer(self, check: Callable[[], None], patience: Patience) -> tuple[int, bytes] | None:
        """The next answer that is no mere sign of life; None when there will be no more."""
        silent_s = taken_s = 0.0
        while True:
            check()  # may take its time: a job can be paused in there
            asked_s = time.monotonic()
            try:
                answer = self._answers.get(timeout=_POLL_S)
            except Empty:
                silent_s += time.monotonic() - asked_s
            else:
                if answer is None or answer[0] != Kind.BEAT:
                    return answer
                silent_s = 0.0
            taken_s += time.monotonic() - asked_s
            if silent_s > patience.silent_s or taken_s > patience.picture_s:
                self.at_rest = False
                raise FileUnreadable(
                    f"The file {self._name!r} could not be read: decoding it made no progress.",
                    detail=f"silent for {silent_s:.0f} s, one picture for {taken_s:.0f} s",
                )

    def _trouble(self, content: bytes) -> FoleyError:
        trouble = self.parsed(Trouble, content)
        error = error_from_wire(trouble.code, trouble.message, trouble.remedy)
        if not isinstance(error, InputError):
            return self.gave_up(f"{trouble.code}: {trouble.message} {trouble.detail}")
        error.detail = trouble.detail
        return error

    def _end(self) -> str:
        try:
            return f"the decoder ended with {self._process.wait(_LAST_BREATH_S)}"
        except subprocess.TimeoutExpired:
            return "the decoder said too much, or closed its pipe"


def _start(command: Sequence[str], channel: socket.socket | None) -> subprocess.Popen[bytes]:
    """The process, out of reach of the keyboard's interrupt: its server ends it."""
    pipe = subprocess.PIPE
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, creationflags=flags)
    stdin = pipe if channel is None else channel.fileno()
    return subprocess.Popen(command, stdin=stdin, stdout=pipe, process_group=0)
