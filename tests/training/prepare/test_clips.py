"""What is cut from a video, held against what the server sees of it and what was put in."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from movies import RATE_HZ, clicks, steady, write_movie

from foleyline_contract.messages import Clip
from foleyline_server.media.frames import iter_pictures
from foleyline_training.config import load_config
from foleyline_training.prepare.clips import ClipSpec, iter_clips, least_pictures
from foleyline_training.prepare.errors import VideoUnusable

UNEVEN_MS = (40, 10, 90, 20, 20, 200, 35, 15, 60, 110, 40, 40, 300, 20) * 3


def uneven():
    return [Fraction(sum(UNEVEN_MS[:k]), 1000) for k in range(len(UNEVEN_MS))]


def onsets(sound, rate_hz=RATE_HZ):
    """When each click is, to a sample, by its highest point."""
    loud = np.flatnonzero(np.abs(sound) > 8000)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 20) + 1)
    return [group[np.abs(sound[group]).argmax()] / rate_hz for group in groups if len(group)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("first_s", [Fraction(0), Fraction(7, 2)])
@pytest.mark.parametrize("stamps", [steady(75, 25), steady(80, "24000/1001"), uneven()])
@pytest.mark.parametrize("phase_s", [Fraction(0), Fraction(1, 20)])
def test_pictures_are_those_that_the_server_sees(tmp_path, spec, name, first_s, stamps, phase_s):
    spec = replace(spec, picture=replace(spec.picture, phase_s=phase_s))
    stamps = [first_s + stamp for stamp in stamps]
    path = write_movie(tmp_path / name, stamps, clicks(4, []), sound_start_s=first_s)
    clips = list(iter_clips(path, spec))
    assert len(clips) == 3
    grid = [Fraction(n, 10) for n in range(30)]
    seen = list(iter_pictures(Clip(str(path), Fraction(0), Fraction(3)), spec.picture, grid))
    ours = [picture for clip in clips for picture in clip.pictures]
    assert all(np.array_equal(a, b) for a, b in zip(ours, seen, strict=True))
    assert [clip.start_s for clip in clips] == [0, 1, 2]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
@pytest.mark.parametrize("first_s", [Fraction(0), Fraction(3, 2)])
@pytest.mark.parametrize("late_s", [Fraction(0), Fraction(2, 5), Fraction(-2, 5)])
def test_sound_shares_the_pictures_zero(tmp_path, spec, name, first_s, late_s):
    """Wherever picture and sound start, a click is heard when it was to be."""
    codec = "aac" if name == "a.mp4" else "pcm_s16le"
    start_s = max(Fraction(0), first_s + late_s)
    heard = clicks(4, [float(Fraction(at) + first_s - start_s) for at in ("0.75", "1.5", "2.25")])
    path = write_movie(
        tmp_path / name,
        [first_s + stamp for stamp in steady(75, 25)],
        heard,
        sound_start_s=start_s,
        audio_codec=codec,
    )
    sound = np.concatenate([clip.sound for clip in iter_clips(path, spec)])
    assert len(sound) == 3 * RATE_HZ
    assert onsets(sound) == pytest.approx([0.75, 1.5, 2.25], abs=0.0011)


def test_sound_is_resampled_to_mono_without_drift(tmp_path, spec):
    """Long enough for any drift to show; the two sides are averaged."""
    at_s = [0.5 + n for n in range(20)]
    left = np.zeros(21 * 44100, np.float32)
    for time_s in at_s:  # wide clicks, so that none falls between samples
        left[round(time_s * 44100) + np.arange(-20, 21)] = np.hanning(41)
    path = write_movie(
        tmp_path / "a.mkv", steady(525, 25), np.stack([left, 0 * left]), sound_hz=44100
    )
    sound = np.concatenate([clip.sound for clip in iter_clips(path, spec)])
    assert len(sound) == 21 * RATE_HZ
    assert onsets(sound) == pytest.approx(at_s, abs=1 / RATE_HZ)
    assert np.abs(sound).max() / 32767 == pytest.approx(0.5, abs=0.01)


def test_a_gap_in_the_sound_is_silence(tmp_path, spec):
    """Half a second is missing in the middle: what comes after keeps its time."""
    path = tmp_path / "a.mkv"
    heard = clicks(3, [0.25, 2.25])
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
        for number in range(75):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for first, stop in ((0, RATE_HZ), (3 * RATE_HZ // 2, 3 * RATE_HZ)):
            part = (heard[None, first:stop] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(part, "s16", "mono")
            frame.sample_rate, frame.pts = RATE_HZ, first
            frame.time_base = Fraction(1, RATE_HZ)
            container.mux(audio.encode(frame))
        container.mux(audio.encode())
    sound = np.concatenate([clip.sound for clip in iter_clips(path, spec)])
    assert onsets(sound) == pytest.approx([0.25, 2.25], abs=0.001)
    assert not sound[RATE_HZ : 3 * RATE_HZ // 2].any()


def test_clips_follow_one_another_and_the_rest_is_dropped(tmp_path, spec):
    path = write_movie(tmp_path / "a.mp4", steady(60, 25), clicks(2.4, []))
    assert [clip.start_s for clip in iter_clips(path, spec)] == [0, 1]


def test_the_last_picture_is_held_and_silence_follows(tmp_path, spec):
    """Picture and sound may lack half a second at the end of the last clip, not more."""
    path = write_movie(tmp_path / "a.mp4", steady(40, 25), 0.5 * np.ones(13600))  # 1.6 s, 1.7 s
    _, last = iter_clips(path, spec)
    assert all(abs(float(picture.mean()) - 200) < 3 for picture in last.pictures[-4:])
    assert last.sound[5500].any() and not last.sound[5800:].any()
    short = write_movie(tmp_path / "b.mp4", steady(36, 25), clicks(2, []))
    assert len(list(iter_clips(short, spec))) == 1
    quiet = write_movie(tmp_path / "c.mp4", steady(50, 25), clicks(1.4, []))
    assert len(list(iter_clips(quiet, spec))) == 1


def test_a_picture_that_stays_is_one_object(tmp_path, spec):
    path = write_movie(tmp_path / "a.mp4", steady(5, 5), clicks(1, []))
    (clip,) = iter_clips(path, spec)
    assert len({id(picture) for picture in clip.pictures}) == 5


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda p: write_movie(p, steady(25, 25)), "no sound track"),
        (lambda p: write_movie(p, steady(10, 25), clicks(2, [])), "picture is shorter"),
        (lambda p: write_movie(p, steady(50, 25), clicks(0.4, [])), "sound is shorter"),
        (lambda p: p.write_text("hello " * 99), "opened|no movie"),
        (lambda p: p.write_bytes(b""), "opened|no movie"),
    ],
)
def test_useless_files_say_why(tmp_path, spec, make, why):
    path = tmp_path / "a.mp4"
    make(path)
    with pytest.raises(VideoUnusable, match=why):
        list(iter_clips(path, spec))


def test_sound_alone_and_lists_of_files_are_no_video(tmp_path, spec):
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        audio = container.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, RATE_HZ), np.int16), "s16", "mono")
        frame.sample_rate = RATE_HZ
        container.mux(audio.encode(frame))
    movie = write_movie(tmp_path / "a.mp4", steady(25, 25), clicks(1, []))
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {movie.name}\n")
    for name in ("a.wav", "list.mp4"):
        with pytest.raises(VideoUnusable, match=r"no movie|no video"):
            list(iter_clips(tmp_path / name, spec))


def test_a_file_that_breaks_off_is_damaged(tmp_path, spec):
    whole = write_movie(tmp_path / "whole.mp4", steady(100, 25), clicks(4, []))
    moved = tmp_path / "moved.mp4"
    with (
        av.open(str(whole)) as source,
        av.open(str(moved), "w", options={"movflags": "faststart"}) as target,
    ):
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(moved.read_bytes()[: moved.stat().st_size // 2])
    with pytest.raises(VideoUnusable, match=r"breaks off after \d\.\d\d s"):
        list(iter_clips(cut, spec))


def test_spec_follows_from_the_configuration():
    mini = load_config("mini")
    spec = ClipSpec.of(mini)
    assert (spec.duration_pictures, spec.samples, spec.jpeg) == (128, 262144, False)
    assert ClipSpec.of(mini, Fraction(5)).duration_pictures == 78
    assert least_pictures(mini) == mini.features.per_window + 4
    large = replace(spec, picture=replace(spec.picture, height_px=224, width_px=224))
    assert large.jpeg
