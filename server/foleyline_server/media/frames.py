"""A clip's pictures at given moments, by presentation time, and what a file shows.

In the server this runs in decoder processes only; ``decoders.py`` is its face there.

For the moment t after the clip's start, the picture seen at source time
``start_s + speed * (t + phase_s)`` is taken: the last one whose time stamp is not later.
Pictures from the clip's out-point on are not seen by the editor, so they are not taken
either. Where the file's picture ends up to ``HOLD_MAX_S`` before the clip does, its last
picture is held.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from foleyline_contract.errors import FileUnreadable, SpanOutside
from foleyline_contract.messages import Clip, Probed
from foleyline_contract.specs import PictureSpec
from foleyline_server.media.pictures import Pixels
from foleyline_server.media.video_file import Scaler, TimedFrame, VideoFile

HOLD_MAX_S = Fraction(1, 2)
"""Strips may reach this far past the last picture: containers round, editors snap."""
_PROBE_BACK_S = Fraction(2)


def iter_pictures(
    clip: Clip,
    spec: PictureSpec,
    times_s: Iterable[Fraction],
    check: Callable[[], None] = lambda: None,
    descriptor: int | None = None,
) -> Iterator[Pixels]:
    """Yield the picture of each moment; the file is read once, forwards.

    Args:
        clip: where to look.
        spec: the pictures' size and phase.
        times_s: moments after the clip's start on its timeline, not falling.
        check: called for every frame that is decoded; may raise to stop.
        descriptor: of the open file; the path is not followed then.

    Yields:
        uint8 RGB (height_px, width_px, 3); the same object while the picture stays.

    Raises:
        FileMissing, NoPicture, FileUnreadable: the file cannot be used.
        SpanOutside: the clip reaches outside the file's picture.
    """
    draw = Scaler(spec.width_px, spec.height_px)
    picture: Pixels | None = None
    drawn: TimedFrame | None = None
    with VideoFile(clip.path, descriptor) as video:
        for seen in seen_frames(video, clip, (time_s + spec.phase_s for time_s in times_s), check):
            if picture is None or seen is not drawn:
                picture = draw(seen.frame)
                drawn = seen
            yield picture


def seen_frames(
    video: VideoFile,
    clip: Clip,
    times_s: Iterable[Fraction],
    check: Callable[[], None] = lambda: None,
) -> Iterator[TimedFrame]:
    """Yield the frame seen at each moment of the clip's timeline; the same one while it stays."""
    slack_s = video.stamp_error_s
    end_s = clip.start_s + clip.speed * clip.duration_s
    frames = checked(video.frames_from(clip.start_s), check)
    seen = next(frames, None)
    if seen is None:
        raise FileUnreadable(f"No picture of {video.name!r} can be decoded.")
    coming = _after(seen, frames, video, clip)
    for time_s in times_s:
        until_s = min(clip.start_s + clip.speed * time_s, end_s) + slack_s
        while coming is not None and coming.start_s <= until_s:
            if coming.start_s >= end_s - slack_s:
                break
            seen = coming
            coming = _after(seen, frames, video, clip)
        yield seen


def probe(
    path: str, check: Callable[[], None] = lambda: None, descriptor: int | None = None
) -> Probed:
    """What a file shows, and for how long; arguments as in ``iter_pictures``.

    Raises:
        FileMissing, NoPicture, FileUnreadable: the file cannot be used, or breaks off before
            the end it declares.
    """
    with VideoFile(path, descriptor) as video:
        declared_s = video.declared_end_s or Fraction(0)
        frames = video.frames_from(max(Fraction(0), declared_s - _PROBE_BACK_S))
        tail = deque(checked(frames, check), maxlen=1)
        if not tail:
            raise FileUnreadable(f"No picture of {video.name!r} can be decoded.")
        last = tail[0]
        if declared_s > last.end_s + HOLD_MAX_S:
            raise _broken_off(video, last.end_s, declared_s)
        rate = video.stream.average_rate or video.stream.guessed_rate
        turned = round(last.frame.rotation / 90) % 2
        size = (last.frame.width, last.frame.height)
        return Probed(
            duration_s=last.end_s,
            fps=Fraction(rate) if rate else 1 / (last.end_s - last.start_s),
            width_px=size[turned],
            height_px=size[1 - turned],
            has_sound=video.has_sound,
        )


def checked(frames: Iterator[TimedFrame], check: Callable[[], None]) -> Iterator[TimedFrame]:
    """Yield frames, calling ``check`` for each."""
    for frame in frames:
        check()
        yield frame


def _after(
    seen: TimedFrame, frames: Iterator[TimedFrame], video: VideoFile, clip: Clip
) -> TimedFrame | None:
    """The next frame; None at the end of a picture that is long enough for the clip."""
    following = next(frames, None)
    if following is None:
        require_covered(seen.end_s, video, clip)
    return following


def require_covered(picture_end_s: Fraction, video: VideoFile, clip: Clip) -> None:
    """Check that a file whose picture ends then is long enough for a clip.

    Raises:
        SpanOutside: it is not.
        FileUnreadable: it breaks off before the end it declares.
    """
    clip_end_s = clip.start_s + clip.speed * clip.duration_s
    if clip.start_s < picture_end_s and clip_end_s <= picture_end_s + HOLD_MAX_S:
        return
    declared_s = video.declared_end_s
    if declared_s is not None and declared_s > max(picture_end_s + HOLD_MAX_S, clip.start_s):
        raise _broken_off(video, picture_end_s, declared_s)
    raise SpanOutside(
        f"The clip goes from {float(clip.start_s):.2f} s to {float(clip_end_s):.2f} s, but the "
        f"picture of {video.name!r} ends after {float(picture_end_s):.2f} s."
    )


def _broken_off(video: VideoFile, picture_end_s: Fraction, declared_s: Fraction) -> FileUnreadable:
    return FileUnreadable(
        f"The picture of {video.name!r} breaks off after {float(picture_end_s):.2f} s, though "
        f"the file says that it lasts {float(declared_s):.2f} s."
    )
