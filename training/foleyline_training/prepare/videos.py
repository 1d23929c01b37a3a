"""A video's pictures on the picture grid, read once, forwards, by presentation time stamp.

Grid point n shows the last source picture with time stamp <= n / fps + phase_s, counted from the
file's first picture, whatever time stamp that one has: variable rates, edit lists and late starts
all end here. The server looks at films by the same rule (docs/conventions.md); tests hold the two
together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from foleyline_contract.specs import PictureSpec
from foleyline_training.prepare.errors import VideoUnusable

Pixels = NDArray[np.uint8]

HOLD_MAX_S = Fraction(1, 2)
"""The last picture may be held, and sound may lack, for this long: containers round."""
_GAP_MAX_S = Fraction(1, 2)
"""Undecodable stretches up to this long are bridged by the picture before them."""
_STAMP_ERROR_MAX_S = Fraction(1, 2000)
"""Half a millisecond: what Matroska's rounding of time stamps can be off by."""
_FALLBACK_FRAME_S = Fraction(1, 25)
_SHRINK_MAX = 16
"""Scaling down by more is done in two steps: the scaler's filters have a greatest length."""
_FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,mxf,gxf,asf,flv,ogg,dv,gif,flic,nut"
"""What may hold a movie. Still images, and texts that name other files, are not among them."""


def open_movie(path: Path) -> InputContainer:
    """Open a file with PyAV; nothing in it can lead to another file.

    Raises:
        VideoUnusable: it is no movie.
    """
    try:
        return av.open(
            str(path.absolute()),
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except av.error.ArgumentError as error:
        raise VideoUnusable("It is no movie that can be read.") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoUnusable("It cannot be opened as a movie: it may be damaged.") from error


@dataclass(frozen=True, slots=True)
class _TimedFrame:
    """A decoded picture: seen from ``start_s`` until ``end_s``, or until the next one."""

    start_s: Fraction
    end_s: Fraction
    frame: VideoFrame


class PictureReader:
    """A file's pictures; a context manager.

    Raises:
        VideoUnusable: no moving picture can be read.
    """

    def __init__(self, path: Path, spec: PictureSpec, threads: int = 1) -> None:
        self.spec = spec
        self._container = open_movie(path)
        try:
            self._stream = self._find_stream(threads)
            self._base = self._stream.time_base or Fraction(1, 90_000)
            self._origin_s: Fraction | None = None  # the first frame tells
            self._coming = self._timed_frames()
            first = next(self._coming, None)
            if first is None:
                raise VideoUnusable("No picture in it can be decoded.")
            self._first = first
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()

    @property
    def origin_s(self) -> Fraction:
        """The first picture's own time stamp, which is time zero here."""
        return self._origin_s or Fraction(0)

    def pictures(self) -> Iterator[Pixels]:
        """Yield the picture of grid points 0, 1, ... as long as the file shows any.

        The last picture is held for up to ``HOLD_MAX_S`` after its end; the points whose whole
        length, 1 / fps, lies before that are given.

        Yields:
            uint8 RGB (height_px, width_px, 3); the same object while the picture stays.

        Raises:
            VideoUnusable: the file is damaged, or ends before it says.
        """
        draw = _Scaler(self.spec.width_px, self.spec.height_px)
        slack_s = min(self._base / 2, _STAMP_ERROR_MAX_S)
        seen, coming = self._first, next(self._coming, None)
        picture = draw(seen.frame)
        for number in count():
            until_s = number / self.spec.fps + self.spec.phase_s + slack_s
            moved = False
            while coming is not None and coming.start_s <= until_s:
                seen, coming, moved = coming, next(self._coming, None), True
            if coming is None:
                self._require_whole(seen)
                if (number + 1) / self.spec.fps > seen.end_s + HOLD_MAX_S:
                    return
            if moved:
                picture = draw(seen.frame)
            yield picture

    # ---- inside --------------------------------------------------------------------------

    def _find_stream(self, threads: int) -> VideoStream:
        for stream in self._container.streams.video:
            if int(stream.disposition) & int(Disposition.attached_pic):
                continue
            if cast("object | None", stream.codec_context) is None:
                raise VideoUnusable("Its picture is coded in an unknown way.")
            stream.codec_context.thread_type = "AUTO"
            stream.codec_context.thread_count = threads
            return stream
        raise VideoUnusable("It holds no video.")

    def _require_whole(self, last: _TimedFrame) -> None:
        """Check that a file whose last picture this is has shown what it declares."""
        if not self._stream.duration:
            return
        declared_s = ((self._stream.start_time or 0) + self._stream.duration) * self._base
        declared_s -= self.origin_s
        if declared_s > last.end_s + HOLD_MAX_S:
            raise VideoUnusable(
                f"Its picture breaks off after {float(last.end_s):.2f} s, though it says that it "
                f"lasts {float(declared_s):.2f} s."
            )

    def _timed_frames(self) -> Iterator[_TimedFrame]:
        """Pictures in rising order of their times."""
        last: _TimedFrame | None = None
        broken = False
        for frame in self._frames():
            if frame is None:
                broken = True
                continue
            timed = self._timed(frame, last)
            if last is not None and timed.start_s <= last.start_s:
                continue
            if broken and last is not None and timed.start_s - last.end_s > _GAP_MAX_S:
                raise VideoUnusable(f"It is damaged {float(last.end_s):.2f} s after its start.")
            broken = False
            last = timed
            yield timed

    def _frames(self) -> Iterator[VideoFrame | None]:
        """Decoded frames; None stands for a packet that cannot be decoded."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
            except (av.error.EOFError, StopIteration):
                return
            except av.error.InvalidDataError:
                yield None
                continue
            except (av.error.FFmpegError, OSError) as error:
                raise VideoUnusable("Its picture cannot be read to its end.") from error
            yield from frames

    def _timed(self, frame: VideoFrame, last: _TimedFrame | None) -> _TimedFrame:
        base = Fraction(frame.time_base) if frame.time_base else self._base
        stamp = frame.pts if frame.pts is not None else frame.dts
        length_s = Fraction(cast("Any", frame).duration or 0) * base or self._usual_frame_s()
        if stamp is None:
            start_s = Fraction(0) if last is None else last.end_s
        else:
            if self._origin_s is None:
                self._origin_s = stamp * base
            start_s = stamp * base - self.origin_s
        return _TimedFrame(start_s, start_s + length_s, frame)

    def _usual_frame_s(self) -> Fraction:
        rate = self._stream.average_rate or self._stream.guessed_rate
        return 1 / Fraction(rate) if rate else _FALLBACK_FRAME_S


class _Scaler:
    """Frames as seen upright, squashed to one size, as the server scales them."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._width_px, self._height_px = width_px, height_px
        self._first, self._second = VideoReformatter(), VideoReformatter()

    def __call__(self, frame: VideoFrame) -> Pixels:
        """RGB (height_px, width_px, 3), antialiased."""
        turns = round(frame.rotation / 90) % 4
        width_px, height_px = self._width_px, self._height_px
        if turns % 2:
            width_px, height_px = height_px, width_px
        if frame.width > _SHRINK_MAX * width_px or frame.height > _SHRINK_MAX * height_px:
            frame = self._first.reformat(
                frame,
                width=min(frame.width, 4 * width_px),
                height=min(frame.height, 4 * height_px),
                interpolation="AREA",
            )
        scaled = self._second.reformat(
            frame, width=width_px, height=height_px, format="rgb24", interpolation="BILINEAR"
        )
        return np.rot90(cast("Pixels", scaled.to_ndarray()), turns)
