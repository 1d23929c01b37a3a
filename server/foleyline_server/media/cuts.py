"""Where another shot begins in a clip; in the server this runs in decoder processes only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from foleyline_contract.errors import FileUnreadable
from foleyline_contract.messages import Clip
from foleyline_server.media.frames import checked, require_covered
from foleyline_server.media.shots import MIN_SHOT_S, Glance, changes_of_place, difference
from foleyline_server.media.video_file import Scaler, TimedFrame, VideoFile

_WIDTH_PX, _HEIGHT_PX = 64, 36
_NEAREST_S = Fraction(1, 1000)
"""Pictures nearer than that to the one before are passed over, so that few are ever kept."""


def find_cuts(
    clip: Clip, check: Callable[[], None] = lambda: None, descriptor: int | None = None
) -> Iterator[Fraction]:
    """Yield where other shots begin: seconds of timeline after the clip's start, rising.

    None is nearer than ``MIN_SHOT_S`` to the clip's ends or to another. Arguments and errors are
    those of ``frames.iter_pictures``.
    """
    last_s = Fraction(0)
    with VideoFile(clip.path, descriptor) as video:
        for time_s in changes_of_place(_glances(video, clip, check)):
            cut_s = (time_s - clip.start_s) / clip.speed
            if last_s + MIN_SHOT_S <= cut_s <= clip.duration_s - MIN_SHOT_S:
                yield cut_s
                last_s = cut_s


def _glances(video: VideoFile, clip: Clip, check: Callable[[], None]) -> Iterator[Glance]:
    draw = Scaler(_WIDTH_PX, _HEIGHT_PX)
    last: Glance | None = None
    for frame in _frames_of(video, clip, check):
        if last is not None and frame.start_s < last.time_s + _NEAREST_S:
            continue
        pixels = draw(frame.frame).astype(np.float32).reshape(-1)
        change = 0.0 if last is None else difference(pixels, last.pixels)
        last = Glance(frame.start_s, pixels, change)
        yield last


def _frames_of(video: VideoFile, clip: Clip, check: Callable[[], None]) -> Iterator[TimedFrame]:
    """The frames that a clip shows, from the one that is seen at its start."""
    slack_s = video.stamp_error_s
    end_s = clip.start_s + clip.speed * clip.duration_s - slack_s
    last: TimedFrame | None = None
    for frame in checked(video.frames_from(clip.start_s), check):
        if frame.start_s >= end_s:
            break
        if last is not None and frame.start_s > clip.start_s + slack_s:
            yield last
        last = frame
    else:
        if last is None:
            raise FileUnreadable(f"No picture of {video.name!r} can be decoded.")
        require_covered(last.end_s, video, clip)
    if last is not None:
        yield last
