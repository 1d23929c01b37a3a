from fractions import Fraction
from math import ceil
from pathlib import Path

import av
import numpy as np
import pytest
from coded_video import LEVELS, brightness, numbers, steady, write_video

from foleyline_contract.errors import FileMissing, FileUnreadable, NoPicture, SpanOutside
from foleyline_contract.messages import Clip
from foleyline_contract.specs import PictureSpec
from foleyline_server.media.frames import iter_pictures, probe
from foleyline_server.media.pictures import as_values

SIDE_PX = 16


def spec(fps: Fraction | int = 25, phase_s: Fraction = Fraction(0), value_max: float = 1.0):
    return PictureSpec(Fraction(fps), phase_s, SIDE_PX, SIDE_PX, value_max, "squash-bilinear")


def pictures_of(clip: Clip, grid: PictureSpec) -> np.ndarray:
    """The clip's pictures on the grid from its start, as the encoder reads them."""
    times = [point / grid.fps for point in range(grid.count_for(clip.duration_s))]
    return as_values(list(iter_pictures(clip, grid, times)), grid)


def shown(path: Path, start_s, duration_s, grid: PictureSpec, speed=1) -> list[int]:
    clip = Clip(str(path), Fraction(start_s), Fraction(duration_s), Fraction(speed))
    return numbers(pictures_of(clip, grid))


def last_not_later(stamps: list[Fraction], time_s: Fraction, end_s: Fraction) -> int:
    """The rule, written out: the last picture not later than a time and before the clip's end."""
    seen = [k for k, stamp in enumerate(stamps) if stamp <= time_s and stamp < end_s]
    return max(seen, default=0)


@pytest.mark.parametrize("fps", ["24", "24000/1001", "25", "30000/1001", "30", "50", "60"])
@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_every_picture_at_the_files_own_rate(tmp_path: Path, fps: str, kind: str) -> None:
    rate = Fraction(fps)
    path = write_video(tmp_path / f"a.{kind}", steady(45, rate), options={"bf": "3", "g": "20"})
    assert shown(path, 0, 45 / rate, spec(rate)) == list(range(45))
    # Starting on any picture, in the middle of a group, shows that very picture.
    for first in (1, 19, 20, 21, 37):
        assert shown(path, first / rate, 8 / rate, spec(rate)) == list(range(first, first + 8))


@pytest.mark.parametrize("options", [{"bf": "3", "g": "100"}, {"bf": "0", "g": "1"}])
@pytest.mark.parametrize("phase_s", [Fraction(0), Fraction(4, 125), Fraction(1, 8)])
def test_the_grid_shows_the_last_picture_not_later(tmp_path, options, phase_s) -> None:
    stamps = steady(48, Fraction(24000, 1001))
    path = write_video(tmp_path / "a.mp4", stamps, options=options)
    grid, start_s, duration_s = spec(Fraction(125, 8), phase_s), Fraction(1, 3), Fraction(3, 2)
    times = [start_s + n / grid.fps + phase_s for n in range(ceil(duration_s * grid.fps))]
    wanted = [last_not_later(stamps, time, start_s + duration_s) for time in times]
    assert shown(path, start_s, duration_s, grid) == wanted


def test_variable_rate_is_read_by_time_stamp(tmp_path: Path) -> None:
    lengths = [40, 10, 90, 20, 20, 200, 35, 15, 60, 110, 40, 40, 300, 20]
    stamps = [Fraction(sum(lengths[:k]), 1000) for k in range(len(lengths))]
    for name in ("a.mp4", "a.mkv"):
        path = write_video(tmp_path / name, stamps, options={"bf": "2"})
        grid = spec(50)
        wanted = [last_not_later(stamps, Fraction(n, 50), Fraction(1)) for n in range(50)]
        assert shown(path, 0, 1, grid) == wanted


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.mp4"])
def test_zero_is_the_first_picture_whatever_its_time_stamp(tmp_path: Path, name: str) -> None:
    stamps = [stamp + Fraction(7, 2) for stamp in steady(40, 25)]
    path = write_video(tmp_path / name, stamps, options={"bf": "2", "g": "12"})
    assert shown(path, 0, Fraction(10, 25), spec()) == list(range(10))
    assert shown(path, Fraction(30, 25), Fraction(5, 25), spec()) == list(range(30, 35))


def test_speed_changes_which_pictures_are_seen(movie: Path) -> None:
    assert shown(movie, 1, Fraction(10, 25), spec(), speed=2) == list(range(25, 45, 2))
    slow = shown(movie, 1, Fraction(10, 25), spec(), speed=Fraction(1, 2))
    assert slow == [25, 25, 26, 26, 27, 27, 28, 28, 29, 29]


def test_pictures_after_the_out_point_are_not_seen(movie: Path) -> None:
    pictures = shown(movie, 0, Fraction(9, 25), spec(4, Fraction(1, 8)))
    assert pictures == [3, 8]


def test_a_short_lack_of_picture_is_held_and_a_long_one_is_not(movie: Path) -> None:
    assert shown(movie, Fraction(49, 5), Fraction(2, 5), spec()) == [*range(45, 50), *[49] * 5]
    with pytest.raises(SpanOutside, match=r"scene\.mp4.*10\.00 s"):
        shown(movie, Fraction(49, 5), Fraction(4, 5), spec())
    for start_s in (10, 11, 5000):
        with pytest.raises(SpanOutside):
            shown(movie, start_s, Fraction(1, 25), spec())


def test_values_and_shape(movie: Path) -> None:
    pictures = pictures_of(Clip(str(movie), Fraction(0), Fraction(2)), spec(value_max=255.0))
    assert pictures.shape == (50, 3, SIDE_PX, SIDE_PX) and pictures.dtype == np.float32
    assert pictures[10].mean() == pytest.approx(brightness(10), abs=2.5)


def test_moments_may_repeat_and_lie_anywhere(movie: Path) -> None:
    clip = Clip(str(movie), Fraction(1), Fraction(2))
    times = [Fraction(n, 100) for n in (0, 3, 4, 4, 5, 77, 77, 100, 199, 250)]
    pictures = list(iter_pictures(clip, spec(phase_s=Fraction(1, 100)), times))
    # The last moment is after the out-point: the last picture before it is seen.
    wanted = [number % LEVELS for number in (25, 26, 26, 26, 26, 44, 44, 50, 74, 74)]
    assert numbers(as_values(pictures, spec())) == wanted
    assert pictures[2] is pictures[3] and pictures[5] is pictures[6]


def test_every_frame_that_is_decoded_can_stop_the_work(movie: Path) -> None:
    checks = 0

    def check() -> None:
        nonlocal checks
        checks += 1

    list(iter_pictures(Clip(str(movie), Fraction(0), Fraction(2)), spec(), [Fraction(1)], check))
    # Frames 0 to 25, and the one after that tells that 25 is the last not later.
    assert checks == 27


@pytest.mark.parametrize("size", [(64, 48), (1280, 720), (4096, 64)])
def test_shrinking_is_antialiased_and_squashes(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "stripes.mkv"
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[:, : size[0] // 2, 0] = 255
    pixels[:, ::2, 2] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "bgr0"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    red, _, blue = pictures_of(Clip(str(path), Fraction(0), Fraction(1, 25)), spec())[0]
    assert red[:, :7].min() > 0.9 and red[:, 9:].max() < 0.1
    assert blue[:, 2:-2] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("turn", [90, -90, 180])
def test_a_turned_picture_is_seen_upright(tmp_path: Path, turn: int) -> None:
    path = tmp_path / "turned.mp4"
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:, :32] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write a rotation")
        stream.set_display_rotation(turn)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    (picture,) = pictures_of(Clip(str(path), Fraction(0), Fraction(1, 25)), spec())
    bright = picture.mean(axis=0) > 0.5
    wanted = {90: bright[9:, :], -90: bright[:7, :], 180: bright[:, 9:]}[turn]
    assert wanted.all() and bright.mean() == pytest.approx(0.5, abs=0.07)


def test_missing_files(tmp_path: Path) -> None:
    for path in (tmp_path / "no.mp4", tmp_path, Path("relative.mp4")):
        with pytest.raises(FileMissing) as caught:
            shown(path, 0, 1, spec())
        assert str(tmp_path) not in str(caught.value) or path == tmp_path


def test_files_without_picture(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav")
    with av.open(str(tmp_path / "a.png"), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb24"
        container.mux(stream.encode(av.VideoFrame(16, 16, "rgb24")))
    for name in ("a.wav", "a.png"):
        with pytest.raises(NoPicture, match=name):
            shown(tmp_path / name, 0, 1, spec())


def test_files_that_are_no_media(tmp_path: Path) -> None:
    for name, content in {"empty.mp4": b"", "text.mp4": b"hello " * 999}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileUnreadable, match=name):
            shown(tmp_path / name, 0, 1, spec())


def test_a_list_of_files_is_no_video(tmp_path: Path, movie: Path) -> None:
    (tmp_path / "beside.mp4").write_bytes(movie.read_bytes())
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile beside.mp4\n")
    with pytest.raises(NoPicture, match=r"list\.mp4"):
        shown(tmp_path / "list.mp4", 0, 1, spec())


def test_a_truncated_file_says_where_it_breaks_off(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = tmp_path / "whole.mp4"
    with av.open(str(whole), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(100):
            pixels = rng.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert len(shown(cut, 0, 1, spec())) == 25
    with pytest.raises(FileUnreadable, match=r"cut\.mp4.*breaks off"):
        shown(cut, 0, 4, spec())
    # Asked how long it is, it must not just seem shorter.
    with pytest.raises(FileUnreadable, match=r"cut\.mp4.*breaks off"):
        probe(str(cut))


def test_probe(tmp_path: Path, movie: Path) -> None:
    seen = probe(str(movie))
    assert abs(seen.duration_s - 10) < Fraction(1, 100)
    assert abs(seen.fps - 25) < Fraction(1, 10)
    assert (seen.width_px, seen.height_px, seen.has_sound) == (64, 48, False)
    late = [stamp + 3 for stamp in steady(60, 30)]
    path = write_video(tmp_path / "late.mkv", late)
    assert abs(probe(str(path)).duration_s - 2) < Fraction(1, 500)
    with pytest.raises(FileMissing):
        probe(str(tmp_path / "no.mp4"))


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
