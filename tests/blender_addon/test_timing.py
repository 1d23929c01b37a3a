from dataclasses import replace
from fractions import Fraction

import pytest
from foleyline_addon.timing import (
    StripFacts,
    clip_of,
    exact_rate,
    movie_frames_per_timeline_frame,
    nearest_free_channel,
    needs_movie_length,
    why_render,
)

from foleyline_contract.errors import FileUnreadable

NTSC = Fraction(30_000, 1001)
FACTS = StripFacts(
    name="ball",
    scene_fps=Fraction(24),
    movie_fps=Fraction(24),
    content_start_frame=28,
    content_frames=240,
    first_frame=40,
    end_frame=134,
)


@pytest.mark.parametrize(
    ("rate", "base", "exact"),
    [
        (24, 1.0, Fraction(24)),
        (24, 1.00100004673, Fraction(24000, 1001)),
        (24000, 1001.0, Fraction(24000, 1001)),
        (3, 0.10010000318288803, Fraction(30000, 1001)),
        (29.970029830932617, 1.0, Fraction(30000, 1001)),
        (6000, 100.09999847412109, Fraction(60000, 1001)),
        (12.5, 1.0, Fraction(25, 2)),
        (25, 1.0, Fraction(25)),
    ],
)
def test_rates_are_exact(rate, base, exact):
    assert exact_rate(rate, base) == exact


def test_trimmed_strip():
    clip = clip_of(FACTS, "/m.mp4")
    assert (clip.start_s, clip.duration_s, clip.speed) == (Fraction(1, 2), Fraction(94, 24), 1)
    assert clip.sample_count == 188_000


def test_an_hour_at_ntsc_is_exact_to_the_sample():
    facts = replace(
        FACTS,
        scene_fps=Fraction(24000, 1001),
        movie_fps=Fraction(24000, 1001),
        content_start_frame=1,
        content_frames=90_000,
        first_frame=1,
        end_frame=86_401,
    )
    clip = clip_of(facts, "/m.mp4")
    assert clip.sample_count == round(Fraction(86_400 * 48_000 * 1001, 24_000))


# 30 fps in a scene of 24, as measured in Blender: 300 pictures in the file.
NATURAL = replace(
    FACTS, movie_fps=Fraction(30), content_start_frame=1, content_frames=300,
    first_frame=21, end_frame=286, movie_frames=300,
)  # fmt: skip


def test_frame_by_frame_movie_of_another_rate():
    clip = clip_of(NATURAL, "/m.mp4")
    assert (clip.start_s, clip.speed) == (Fraction(20, 30), Fraction(24, 30))


def test_movie_at_its_own_rate():
    facts = replace(NATURAL, content_frames=240, end_frame=226)
    clip = clip_of(facts, "/m.mp4")
    assert clip.speed == 1
    assert clip.start_s == Fraction(20, 24)


def test_content_trim_counts_source_frames():
    # Measured: trimmed 10 and 5, content 228 frames; picture 35 at the handle, 20 frames in.
    facts = replace(
        NATURAL, content_frames=228, trim_start_frames=10, movie_frames=285, end_frame=214
    )
    assert clip_of(facts, "/m.mp4").start_s * 30 == 35


@pytest.mark.parametrize(("keys", "shown"), [((1, 599), 10), ((1, 1197), 5)])
def test_one_retiming_segment(keys, shown):
    facts = replace(
        NATURAL,
        content_frames=keys[1] - keys[0],
        end_frame=140,
        retiming_frames=keys,
    )
    clip = clip_of(facts, "/m.mp4")
    assert clip.start_s * 30 == shown
    assert clip.speed == Fraction(299, keys[1] - keys[0]) * Fraction(24, 30)


def test_one_retiming_segment_at_the_movies_own_rate():
    # Measured in 4.5 at 80 %: keys in frames of the movie's own rate, content in timeline frames.
    facts = replace(
        FACTS, scene_fps=Fraction(30), movie_frames=240, content_frames=360,
        retiming_frames=(140, 439),
    )  # fmt: skip
    shown = movie_frames_per_timeline_frame(facts, Fraction(25))
    assert shown == Fraction(25, 30) * Fraction(239, 299)


def test_rates_too_close_to_tell_are_read_as_the_movies_own():
    # 29.97 fps in a scene of 30: 240.24 frames, of which Blender says 240.
    slow = replace(FACTS, scene_fps=Fraction(30), movie_frames=240, content_frames=240)
    assert movie_frames_per_timeline_frame(slow, NTSC) == NTSC / 30
    longer = replace(slow, movie_frames=2000, content_frames=2000)
    assert movie_frames_per_timeline_frame(longer, NTSC) == 1


def test_length_is_needed_only_for_odd_rates():
    assert not needs_movie_length(FACTS)
    assert needs_movie_length(NATURAL)
    assert needs_movie_length(replace(FACTS, retiming_frames=(1, 100)))
    assert movie_frames_per_timeline_frame(FACTS, Fraction(24)) == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"retiming_frames": (28, 268)}, None),
        ({"reversed": True}, "plays backwards"),
        ({"retiming_frames": (1, 50, 100)}, "changes its speed"),
        ({"strobe": 2.0}, "is strobed"),
        ({"first_frame": 20}, "holds its first picture for 8 frames"),
        ({"end_frame": 270}, "holds its last picture for 2 frames"),
    ],
)
def test_what_has_to_be_rendered_says_why(changes, why):
    assert why_render(replace(FACTS, **changes)) == why


def test_an_unreadable_movie_is_named():
    with pytest.raises(FileUnreadable, match="cannot read the movie of the strip 'ball'"):
        clip_of(replace(FACTS, movie_fps=None), "/m.mp4")


def test_nearest_free_channel():
    spans = [(3, 40, 134), (2, 60, 100)]
    assert nearest_free_channel(3, 40, 134, spans) == 4
    assert nearest_free_channel(3, 40, 60, spans) == 2  # ends where the other begins
    assert nearest_free_channel(3, 40, 134, spans, closed={4}) == 1
    assert nearest_free_channel(1, 0, 10, [(2, 0, 5)]) == 3
    everywhere = [(channel, 0, 10) for channel in range(1, 129)]
    assert nearest_free_channel(5, 0, 10, everywhere) is None
