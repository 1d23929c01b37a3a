"""A video file as pictures with exact times; with frames.py and mux.py, the only users of PyAV.

Times are seconds after the file's first picture, whatever time stamp that picture has: edit
lists, non-zero starts and variable rates all end here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from foleyline_contract.errors import FileUnreadable, NoPicture
from foleyline_server.media.source_file import require_regular_file

_SEEK_BACK_S = (Fraction(0), Fraction(5))
"""How far before the wanted time to seek, one after the other, before reading from the start."""
_GAP_MAX_S = Fraction(1, 2)
"""Undecodable stretches up to this long are bridged by the picture before them."""
_STAMP_ERROR_MAX_S = Fraction(1, 2000)
"""Half a millisecond: what Matroska's rounding of time stamps can be off by."""
_FALLBACK_FRAME_S = Fraction(1, 25)
_THREADS_MAX = 8
"""Of the decoder: with more, large pictures cost more memory than time is won."""
_SHRINK_MAX = 16
"""Scaling down by more is done in two steps: the scaler's filters have a greatest length."""
_FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,mxf,gxf,asf,flv,ogg,dv,gif,flic,nut"
"""What may hold a movie. Still images, and texts that name other files, are not among them."""


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A decoded picture: seen from ``start_s`` until ``end_s``, or until the next one."""

    start_s: Fraction
    end_s: Fraction
    frame: VideoFrame


class VideoFile:
    """An open video file; a context manager.

    Args:
        path: where it is.
        descriptor: of the file, where somebody else has opened it: the path only names it then.

    Raises:
        FileMissing: the path is none of a regular file.
        NoPicture: it holds no moving picture.
        FileUnreadable: it cannot be opened or nothing in it can be decoded.
    """

    def __init__(self, path: str, descriptor: int | None = None) -> None:
        self.name = Path(path).name
        options = {"format_whitelist": _FORMATS}
        if descriptor is None:
            require_regular_file(path)
            # An absolute path cannot be taken for a URL, and no file may send us to one.
            address = str(Path(path).absolute())
            options["protocol_whitelist"] = "file"
        else:
            address = "fd:"
            options |= {"fd": str(descriptor), "protocol_whitelist": "fd"}
        try:
            self._container: InputContainer = av.open(
                address, options=options, metadata_errors="replace"
            )
        except av.error.ArgumentError as error:
            raise NoPicture(
                f"The file {self.name!r} is no movie that Foleyline can read.", detail=str(error)
            ) from error
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise FileUnreadable(
                f"The file {self.name!r} cannot be read.", detail=str(error)
            ) from error
        try:
            self._stream = self._find_stream()
            self._use_threads()
            self._origin = Fraction(0)
            first = next(self._decoded(), None)
            if first is None:
                raise FileUnreadable(f"No picture of {self.name!r} can be decoded.")
            self._origin = first.start_s
        except BaseException:
            self._container.close()
            raise

    @property
    def stream(self) -> VideoStream:
        """The video stream that is read: the file's first that is no cover art."""
        return self._stream

    @property
    def has_sound(self) -> bool:
        """Whether the file has an audio stream."""
        return len(self._container.streams.audio) > 0

    @property
    def stamp_error_s(self) -> Fraction:
        """How far a time stamp may lie from the time that was meant, by rounding."""
        return min(self._time_base / 2, _STAMP_ERROR_MAX_S)

    @property
    def declared_end_s(self) -> Fraction | None:
        """Where the picture ends by the file's own account, if it gives one."""
        if self._stream.duration:
            start = (self._stream.start_time or 0) * self._time_base
            return start + self._stream.duration * self._time_base - self._origin
        if self._container.duration and not self.has_sound:
            # Some formats count from 0, not from their first picture: better too early an end.
            return Fraction(self._container.duration, av.time_base) - max(Fraction(0), self._origin)
        return None

    def frames_from(self, time_s: Fraction) -> Iterator[TimedFrame]:
        """Yield pictures in order, from the one seen at ``time_s`` or earlier.

        Raises:
            FileUnreadable: a stretch of the file cannot be decoded.
        """
        for back_s in _SEEK_BACK_S:
            wanted_s = time_s - back_s
            if wanted_s <= 0:
                break
            if self._seek(wanted_s):
                frames = self._decoded()
                first = next(frames, None)
                if first is not None and first.start_s <= time_s + self.stamp_error_s:
                    yield first
                    yield from frames
                    return
        self._rewind()
        yield from self._decoded()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- inside --------------------------------------------------------------------------

    @property
    def _time_base(self) -> Fraction:
        return self._stream.time_base or Fraction(1, 90_000)

    def _find_stream(self) -> VideoStream:
        for stream in self._container.streams.video:
            if not int(stream.disposition) & int(Disposition.attached_pic):
                return stream
        raise NoPicture(f"The file {self.name!r} holds no video.")

    def _use_threads(self) -> None:
        codec = cast("VideoCodecContext | None", self._stream.codec_context)
        if codec is None:
            raise FileUnreadable(f"The picture of {self.name!r} is coded in an unknown way.")
        codec.thread_type = "AUTO"
        codec.thread_count = min(os.cpu_count() or 1, _THREADS_MAX)

    def _seek(self, time_s: Fraction) -> bool:
        stamp = int((time_s + self._origin) / self._time_base)
        try:
            self._container.seek(stamp, stream=self._stream, backward=True)
        except (av.error.FFmpegError, OSError, OverflowError):
            return False
        return True

    def _rewind(self) -> None:
        start = min(0, self._stream.start_time or 0)
        try:
            self._container.seek(start, stream=self._stream, backward=True, any_frame=False)
        except (av.error.FFmpegError, OSError) as error:
            raise FileUnreadable(
                f"The file {self.name!r} cannot be read from its start.", detail=str(error)
            ) from error

    def _decoded(self) -> Iterator[TimedFrame]:
        """Pictures from where the file stands, in rising order of their times."""
        last: TimedFrame | None = None
        broken = False
        for frame in self._frames():
            if frame is None:
                broken = True
                continue
            timed = self._timed(frame, last)
            if last is not None and timed.start_s <= last.start_s:
                continue
            if broken and last is not None and timed.start_s - last.end_s > _GAP_MAX_S:
                raise FileUnreadable(
                    f"The file {self.name!r} is damaged {float(last.end_s):.2f} s after its start."
                )
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
                raise FileUnreadable(
                    f"The file {self.name!r} cannot be read to its end.", detail=str(error)
                ) from error
            yield from frames

    def _timed(self, frame: VideoFrame, last: TimedFrame | None) -> TimedFrame:
        base = Fraction(frame.time_base) if frame.time_base else self._time_base
        stamp = frame.pts if frame.pts is not None else frame.dts
        length_s = Fraction(cast("Any", frame).duration or 0) * base or self._usual_frame_s()
        if stamp is None:
            start_s = Fraction(0) if last is None else last.end_s
        else:
            start_s = stamp * base - self._origin
        return TimedFrame(start_s, start_s + length_s, frame)

    def _usual_frame_s(self) -> Fraction:
        rate = self._stream.average_rate or self._stream.guessed_rate
        return 1 / Fraction(rate) if rate else _FALLBACK_FRAME_S


class Scaler:
    """Frames as seen upright, squashed to one size; keeps the scaler's tables between frames."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._width_px, self._height_px = width_px, height_px
        self._first, self._second = VideoReformatter(), VideoReformatter()

    def __call__(self, frame: VideoFrame) -> NDArray[np.uint8]:
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
        return np.rot90(cast("NDArray[np.uint8]", scaled.to_ndarray()), turns)
