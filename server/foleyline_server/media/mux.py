"""A clip's picture and a take's sound in one file.

    python -m foleyline_server.media.mux [--overwrite] VIDEO START DURATION WAV OUT

The picture's packets are copied when the span starts at a key frame, else it is encoded
anew so that it starts exactly there. Both start at time 0. A copied picture may go on for a
few frames after the span: later packets that the span's own pictures are built from.
"""

# PyAV leaves type arguments open in its signatures.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
from __future__ import annotations

import argparse
import heapq
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, cast
from uuid import uuid4

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from foleyline_contract.errors import FoleyError, OutputUnwritable, SpanOutside
from foleyline_contract.specs import TAKE_RATE_HZ
from foleyline_server.media.source_file import require_regular_file
from foleyline_server.media.video_file import TimedFrame, VideoFile

AUDIO_BITS_PER_S = 192_000
_CRF = "16"
_TICK_S = Fraction(1, 90_000)
_KEY_ERROR_S = Fraction(1, 1000)
"""A key frame this close to the span's start counts as being there: Matroska rounds to it."""
_AV_ERRORS = (av.error.FFmpegError, OSError, ValueError)

Timed: TypeAlias = "tuple[Fraction, Packet[Any]]"
"""When to write a packet, and the packet."""


class _CannotCopy(ValueError):
    """The packets cannot go into the new file as they are."""


def mux(
    video: Path,
    start_s: Fraction,
    duration_s: Fraction,
    sound: Path,
    out: Path,
    *,
    overwrite: bool = False,
) -> None:
    """Write ``out`` with the span's picture and the take as AAC; whole or not at all.

    Args:
        video: the file the clip is in.
        start_s: seconds after the file's first picture.
        duration_s: how long the span is.
        sound: the take's WAV.
        out: the file to make; its ending chooses the container.
        overwrite: whether a file of that name may be replaced.

    Raises:
        InputError: a file cannot be read, the span lies outside the picture, or ``out``
            cannot be written.
    """
    require_regular_file(str(sound.absolute()))
    if out.exists() and not overwrite:
        raise OutputUnwritable(
            f"The file {out.name!r} exists already.", remedy="Choose another name."
        )
    temporary = out.with_name(f".foley-{uuid4().hex[:12]}{out.suffix}")
    try:
        try:
            _write(video, (start_s, start_s + duration_s), sound, temporary, copying=True)
        except _AV_ERRORS:  # a codec, say, that the container does not take
            _write(video, (start_s, start_s + duration_s), sound, temporary, copying=False)
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(out)
    except _AV_ERRORS as error:
        raise OutputUnwritable(
            f"The file {out.name!r} could not be written.", detail=str(error)
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write(
    video: Path, span_s: tuple[Fraction, Fraction], sound: Path, out: Path, *, copying: bool
) -> None:
    with VideoFile(str(video.absolute())) as source, av.open(str(out), "w") as target:
        # Each adds its stream before it yields its first packet, and both streams must be
        # there before anything is written.
        pictures = (_copied if copying else _encoded)(source, video, span_s, target)
        sounds = _sounds(sound, target)
        first_picture, first_sound = next(pictures, None), next(sounds, None)
        if first_picture is None or first_sound is None:
            raise SpanOutside(f"There is no picture in that span of {video.name!r}.")
        target.mux([first_picture[1], first_sound[1]])
        for _, packet in heapq.merge(pictures, sounds, key=lambda timed: timed[0]):
            target.mux(packet)


# ---- picture ---------------------------------------------------------------------------


def _copied(
    source: VideoFile, video: Path, span_s: tuple[Fraction, Fraction], target: OutputContainer
) -> Iterator[Timed]:
    """The span's packets as they are, from a key frame at its very start."""
    options = {"protocol_whitelist": "file"}
    with av.open(str(video.absolute()), options=options, metadata_errors="replace") as container:
        stream = cast("VideoStream", container.streams[source.stream.index])
        tick_s = stream.time_base
        origin = next(container.decode(stream)).pts
        if tick_s is None or origin is None:
            raise _CannotCopy("no time stamps")
        first = origin + round(span_s[0] / tick_s)
        container.seek(first, stream=stream, backward=True)
        outside = target.add_stream_from_template(stream)
        shift: int | None = None
        for packet in _needed(container.demux(stream), first + (span_s[1] - span_s[0]) / tick_s):
            pts, dts = packet.pts, packet.dts
            if pts is None or dts is None:
                raise _CannotCopy("no time stamps")
            if shift is None:
                if not packet.is_keyframe or abs(pts - first) * tick_s > _KEY_ERROR_S:
                    raise _CannotCopy("the span starts between key frames")
                shift = pts
            if pts < shift:
                continue  # shown before the key frame: not part of the span
            packet.pts, packet.dts, packet.stream = pts - shift, dts - shift, outside
            yield (dts - shift) * tick_s, packet


def _needed(packets: Iterator[Packet[Any]], end: Fraction) -> Iterator[Packet[Any]]:
    """Packets shown before ``end``, and those that packets after them in the file build on."""
    held: list[Packet[Any]] = []
    for packet in packets:
        if packet.pts is not None and packet.pts >= end:
            held.append(packet)
            if packet.dts is not None and packet.dts >= end:
                return
            continue
        if packet.size == 0:  # the end of the file
            return
        yield from held
        held = []
        yield packet


def _encoded(
    source: VideoFile, video: Path, span_s: tuple[Fraction, Fraction], target: OutputContainer
) -> Iterator[Timed]:
    """The span's pictures, encoded anew; the first is the one seen at the span's start."""
    start_s, end_s = span_s
    stream: VideoStream | None = None
    for seen in _seen(source.frames_from(start_s), start_s, end_s):
        if stream is None:
            stream = _picture_stream(source, seen.frame, target)
        width, height = stream.codec_context.width, stream.codec_context.height
        frame = seen.frame.reformat(width=width, height=height, format="yuv420p")
        at_s = max(Fraction(0), seen.start_s - start_s)
        frame.pts, frame.time_base = round(at_s / _TICK_S), _TICK_S
        frame.duration = max(1, round((min(seen.end_s, end_s) - start_s - at_s) / _TICK_S))
        frame.pict_type = PictureType.NONE  # else the source's key frames are asked for again
        yield from _timed(stream.encode(frame))
    if stream is not None:
        yield from _timed(stream.encode(None))


def _seen(frames: Iterator[TimedFrame], start_s: Fraction, end_s: Fraction) -> Iterator[TimedFrame]:
    """Frames from the last one that starts no later than ``start_s``."""
    waiting: TimedFrame | None = None
    for frame in frames:
        if frame.start_s >= end_s:
            break
        if waiting is not None and frame.start_s > start_s:
            yield waiting
        waiting = frame
    if waiting is not None and (waiting.start_s > start_s or waiting.end_s > start_s):
        yield waiting


def _picture_stream(source: VideoFile, frame: VideoFrame, target: OutputContainer) -> VideoStream:
    rate = Fraction(source.stream.average_rate or source.stream.guessed_rate or 25)
    stream = target.add_stream("libx264", rate=rate.limit_denominator(1_000_000))
    context = stream.codec_context
    context.time_base = _TICK_S
    context.width, context.height = max(2, frame.width & ~1), max(2, frame.height & ~1)
    context.pix_fmt = "yuv420p"
    context.options = {"crf": _CRF}
    if source.stream.sample_aspect_ratio:
        context.sample_aspect_ratio = source.stream.sample_aspect_ratio
    context.color_range, context.colorspace = int(frame.color_range), int(frame.colorspace)
    context.color_primaries, context.color_trc = int(frame.color_primaries), int(frame.color_trc)
    if frame.rotation:
        stream.set_display_rotation(frame.rotation)
    return stream


# ---- sound -----------------------------------------------------------------------------


def _sounds(sound: Path, target: OutputContainer) -> Iterator[Timed]:
    """The take as AAC from time 0."""
    stream = target.add_stream("aac", rate=TAKE_RATE_HZ, layout="mono")
    stream.codec_context.bit_rate = AUDIO_BITS_PER_S
    stream.codec_context.open()
    resampler = AudioResampler(
        "fltp", "mono", TAKE_RATE_HZ, frame_size=stream.codec_context.frame_size
    )
    with av.open(str(sound.absolute())) as container:
        frames: list[AudioFrame | None] = [None]
        for frame in (*container.decode(audio=0), *frames):
            for piece in resampler.resample(frame):
                yield from _timed(stream.encode(piece))
    yield from _timed(stream.encode(None))


def _timed(packets: Sequence[Packet[Any]]) -> Iterator[Timed]:
    for packet in packets:
        at = packet.dts if packet.dts is not None else packet.pts
        yield Fraction(at or 0) * Fraction(packet.time_base), packet


# ---- command ---------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. The last line of its errors says what is wrong."""
    parser = argparse.ArgumentParser(
        prog="foleyline-mux", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("video", type=Path)
    parser.add_argument("start_s", type=Fraction, metavar="start")
    parser.add_argument("duration_s", type=Fraction, metavar="duration")
    parser.add_argument("sound", type=Path, metavar="wav")
    parser.add_argument("out", type=Path)
    options: Any = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _leave)
    try:
        mux(
            options.video,
            options.start_s,
            options.duration_s,
            options.sound,
            options.out,
            overwrite=options.overwrite,
        )
    except KeyboardInterrupt:
        return 130
    except FoleyError as error:
        sys.stderr.write(f"{error} {error.detail}".strip() + "\n")
        return 1
    return 0


def _leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(130)


if __name__ == "__main__":
    sys.exit(main())
