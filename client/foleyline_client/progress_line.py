"""A job's progress for a terminal: one line drawn again and again, or plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from foleyline_contract.messages import Progress

_BAR_CELLS = 24
_REDRAW_S = 0.1
_TEXT_EVERY_S = 5.0
_LEFT_FROM_FRACTION = 0.02
"""Below this much work done, a guess of the time left would be worthless."""


class ProgressLine:
    """Writes to ``stream``; to nothing when it is None."""

    def __init__(
        self,
        stream: TextIO | None,
        *,
        is_terminal: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._is_terminal = (
            stream is not None and stream.isatty() if is_terminal is None else is_terminal
        )
        self._clock = clock
        self._started: tuple[float, float] | None = None
        """Time and fraction when work began; waiting in the queue does not count."""
        self._drawn_at = float("-inf")
        self._stage = self._noted = ""
        self._width = 0

    def note(self, text: str) -> None:
        """Write a line of its own; on a terminal the next one takes its place."""
        if self._stream is not None and text != self._noted:
            self._noted = text
            self._write(text)

    def say(self, text: str) -> None:
        """Write a line that stays."""
        if self._stream is not None:
            self.finish()
            self._stream.write(text + "\n")
            self._stream.flush()

    def show(self, progress: Progress) -> None:
        """Show how far the job is."""
        now = self._clock()
        if self._stream is None:
            return
        if self._started is None and progress.stage != "queued":
            self._started = (now, progress.fraction)
        pause_s = _REDRAW_S if self._is_terminal else _TEXT_EVERY_S
        if progress.stage == self._stage and now - self._drawn_at < pause_s:
            return
        self._drawn_at, self._stage = now, progress.stage
        self._write(self._text(progress, now))

    def finish(self) -> None:
        """Take the line away, so that other output starts in a clean one."""
        if self._stream is not None and self._is_terminal and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0

    def _text(self, progress: Progress, now: float) -> str:
        fraction = min(1.0, max(0.0, progress.fraction))
        parts = [progress.stage.capitalize()]
        if progress.steps > 1:
            parts.append(f"{progress.step}/{progress.steps}")
        parts.append(f"{fraction:4.0%}")
        left_s = self._left_s(fraction, now)
        if left_s is not None:
            parts.append(f"{_clock_text(left_s)} left")
        if not self._is_terminal:
            return "  ".join(parts)
        full = int(fraction * _BAR_CELLS)
        return f"[{'#' * full}{'.' * (_BAR_CELLS - full)}] " + "  ".join(parts)

    def _left_s(self, fraction: float, now: float) -> float | None:
        if self._started is None:
            return None
        began, at = self._started
        done = fraction - at
        return (now - began) * (1 - fraction) / done if done >= _LEFT_FROM_FRACTION else None

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        if self._is_terminal:
            self._stream.write("\r" + text.ljust(self._width))
            self._width = max(self._width, len(text))
        else:
            self._stream.write(text + "\n")
        self._stream.flush()


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
