"""When things start and how long they last, in exact numbers. No bpy here.

Blender hands out frame rates as floats and positions as frames; the server wants rational
seconds. What each case means was measured in Blender 4.3 and 5.2 by reading frame numbers
out of rendered pictures; docs/blender.md lists the cases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction

from foleyline_contract.errors import FileUnreadable
from foleyline_contract.messages import Clip

_RATE_TOLERANCE = Fraction(1, 1_000_000)
"""Relative; a float32 frame rate is off by less than a tenth of this."""
_RATE_DENOMINATOR_MAX = 10_000
CHANNELS_MAX = 128


def exact_rate(rate: float, base: float = 1.0) -> Fraction:
    """The frame rate that the floats ``rate / base`` stand for.

    Whole rates and the NTSC ones (k * 1000 / 1001) are recognised in every disguise that
    Blender gives them: 24000 / 1001, 24 / 1.001, 3 / 0.1001, 29.970029830932617 / 1.
    """
    measured = Fraction(rate) / Fraction(base)
    for unit in (Fraction(1), Fraction(1000, 1001)):
        whole = round(measured / unit)
        if whole and abs(whole * unit - measured) <= measured * _RATE_TOLERANCE:
            return whole * unit
    return measured.limit_denominator(_RATE_DENOMINATOR_MAX)


@dataclass(frozen=True, slots=True)
class StripFacts:
    """What Blender says about a movie strip's place and source; frames are timeline frames."""

    name: str
    scene_fps: Fraction
    movie_fps: Fraction | None
    """None: not asked for, or Blender cannot read the file."""
    content_start_frame: int
    """Where the source's first frame would lie if nothing were trimmed by the left handle."""
    content_frames: int
    """Timeline frames of the source's picture, before the handles."""
    first_frame: int
    """First visible frame."""
    end_frame: int
    """Frame after the last visible one."""
    trim_start_frames: int = 0
    """Source frames taken off the head of the content itself."""
    movie_frames: int | None = None
    """Source frames left after trimming the content; None when the rates make it needless."""
    retiming_frames: tuple[int, ...] = ()
    """Timeline frames of the retiming keys."""
    reversed: bool = False
    strobe: float = 1.0
    """Only every so manieth picture is shown."""


def needs_movie_length(facts: StripFacts) -> bool:
    """Whether the strip's speed cannot be told without the number of frames in its file."""
    return facts.scene_fps != facts.movie_fps or bool(facts.retiming_frames)


def movie_frames_per_timeline_frame(facts: StripFacts, movie_fps: Fraction) -> Fraction:
    """How many source frames pass while the timeline moves on by one.

    Blender plays a movie frame by frame (1), or at its own rate when the strip was added
    with *Adjust Playback Rate* (movie_fps / scene_fps), or as one retiming segment says.
    Which it is shows only in the length of the content.
    """
    keys = facts.retiming_frames
    if facts.movie_frames is None:
        return Fraction(1)
    at_own_rate = movie_fps / facts.scene_fps
    if keys:
        # The first key holds the first picture, the last key the last one. Of a movie at its own
        # rate their places are told in frames of that rate.
        told = keys[-1] - keys[0]
        per_told = _reading(facts.content_frames - 1, told, at_own_rate)
        return per_told * Fraction(facts.movie_frames - 1, told)
    return _reading(facts.content_frames, facts.movie_frames, at_own_rate)


def _reading(frames: int, own_frames: int, at_own_rate: Fraction) -> Fraction:
    """How many of ``own_frames`` pass in a timeline frame, if all do in ``frames`` of those.

    Blender drops fractions of a length, so 29.97 fps in a scene of 30 can look like frame by
    frame: then it is the default, the movie's own rate. Else the nearer reading is believed.
    """
    at_own_frames = own_frames / at_own_rate
    if 0 <= at_own_frames - own_frames < 1 and frames == own_frames:
        return at_own_rate
    nearer = abs(frames - at_own_frames) <= abs(frames - own_frames)
    return at_own_rate if nearer else Fraction(1)


def clip_of(facts: StripFacts, path: str) -> Clip:
    """The stretch of picture that a strip without ``why_render`` shows of the movie at ``path``.

    Raises:
        InputError: Blender cannot read the movie, or the stretch is longer than a take may be.
    """
    if facts.movie_fps is None:
        raise FileUnreadable(f"Blender cannot read the movie of the strip '{facts.name}'.")
    movie_fps = facts.movie_fps
    per_frame = movie_frames_per_timeline_frame(facts, movie_fps)
    head_frames = facts.first_frame - facts.content_start_frame
    return Clip(
        path=path,
        start_s=(facts.trim_start_frames + head_frames * per_frame) / movie_fps,
        duration_s=(facts.end_frame - facts.first_frame) / facts.scene_fps,
        speed=per_frame * facts.scene_fps / movie_fps,
    )


def why_render(facts: StripFacts) -> str | None:
    """Why the strip is no plain span of its movie at one speed, if so; needs no frame rates.

    Returns:
        Words that follow the strip's name: ``plays backwards``.
    """
    before = facts.content_start_frame - facts.first_frame
    after = facts.end_frame - (facts.content_start_frame + facts.content_frames)
    if facts.reversed:
        return "plays backwards"
    if len(facts.retiming_frames) > 2:
        return "changes its speed"
    if facts.strobe > 1:
        return "is strobed"
    if before > 0:
        return f"holds its first picture for {before} frames"
    if after > 0:
        return f"holds its last picture for {after} frames"
    return None


def nearest_free_channel(
    wanted: int,
    first_frame: int,
    end_frame: int,
    taken: Iterable[tuple[int, int, int]],
    closed: Collection[int] = (),
) -> int | None:
    """The channel nearest to ``wanted`` with room in [first_frame, end_frame).

    The one below wins a tie: editors keep sound under picture. ``wanted`` itself is no
    candidate.

    Args:
        taken: (channel, first frame, end frame) of every strip.
        closed: channels that are locked or muted.
    """
    busy = {channel for channel, start, end in taken if start < end_frame and end > first_frame}
    for distance in range(1, CHANNELS_MAX):
        for channel in (wanted - distance, wanted + distance):
            if 1 <= channel <= CHANNELS_MAX and channel not in busy and channel not in closed:
                return channel
    return None
