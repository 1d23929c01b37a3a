"""From ``--start``, ``--duration`` and ``--fps`` to a clip."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from foleyline_client.session import Session
from foleyline_contract.errors import SpanOutside
from foleyline_contract.messages import Clip

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?(/\d{1,12})?")


def seconds(text: str) -> Fraction:
    """Seconds as ``1.5``, ``3/2`` or ``1001/24000``, for argparse."""
    if _NUMBER.fullmatch(text) is None or ("." in text and "/" in text):
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds, like 1.5 or 3/2")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise argparse.ArgumentTypeError(f"{text!r} divides by zero") from None


def rate(text: str) -> Fraction:
    """Frames a second as ``24`` or ``24000/1001``, for argparse."""
    value = seconds(text)
    if not value:
        raise argparse.ArgumentTypeError("a rate is above zero")
    return value


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a file as it was asked for.

    Attributes:
        start_s: seconds into the file.
        duration_s: seconds; None for all the rest.
        fps: both are rounded to whole frames of this rate, if there is one.
    """

    start_s: Fraction
    duration_s: Fraction | None
    fps: Fraction | None

    def clip(self, session: Session, video: Path, upload: str | None) -> Clip:
        """The stretch as a clip; what was left out comes from the file itself.

        Args:
            session: with a server that can read the file.
            video: the file, by an absolute path.
            upload: its SHA-256, if it had to be sent.

        Raises:
            FoleyError: the file cannot be used, or is shorter.
        """
        path = str(video) if upload is None else video.name
        start_s = self.start_s
        if self.fps is not None:
            start_s = round(start_s * self.fps) / self.fps
        if self.duration_s is not None:
            duration_s = self.duration_s
            if self.fps is not None:
                duration_s = max(1, round(duration_s * self.fps)) / self.fps
            return Clip(path=path, start_s=start_s, duration_s=duration_s, upload=upload)
        picture_s = session.probe(path, upload=upload).duration_s
        if start_s >= picture_s:
            raise SpanOutside(
                f"The start, {float(start_s):.3f} s, lies after the end of the picture of "
                f"{video.name!r}, {float(picture_s):.3f} s.",
                remedy="Choose an earlier --start.",
            )
        duration_s = picture_s - start_s
        if self.fps is not None:
            duration_s = max(1, int(duration_s * self.fps)) / self.fps
        return Clip(path=path, start_s=start_s, duration_s=duration_s, upload=upload)
