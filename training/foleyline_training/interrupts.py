"""Ctrl-C and SIGTERM: the step at hand is finished and saved before a stage ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """Training was told to end and has saved where it is; the text says how to go on."""


class Interrupts:
    """While it is entered, signals are noted instead of ending the process.

    All of them, however many come: launchers pass on what the terminal has sent already.
    """

    def __init__(self) -> None:
        self._asked = False

    def is_asked(self) -> bool:
        """Whether a signal has come."""
        return self._asked

    def __enter__(self) -> Interrupts:
        self._handled = _handled_by(self._note)
        self._handled.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._handled.__exit__(None, None, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Within it, SIGTERM raises KeyboardInterrupt too, so that ``finally`` is reached."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    with _handled_by(stop):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread may have signals, and only it gets them.
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)
