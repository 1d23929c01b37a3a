"""Picture and sound in one file: copied or encoded anew, starting together, exactly as long."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from foleyline_contract.errors import FileMissing, FoleyError, OutputUnwritable, SpanOutside
from foleyline_server.media import mux as mux_module
from foleyline_server.media.mux import mux

RATE_HZ = 48_000
AAC_FRAME_S = 1024 / RATE_HZ
FPS = 24
KEY_EVERY = 12
FRAMES = 60
COUNTER_CELL = 16


def make_video(
    path: Path, *, first_pts: int = 0, codec: str = "libx264", b_frames: int = 2
) -> Path:
    """60 pictures; picture n shows n in binary, as black and white cells."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=FPS)
        stream.width, stream.height = 96, 32
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = KEY_EVERY
        stream.codec_context.max_b_frames = b_frames
        if codec == "libx264":
            stream.options = {"sc_threshold": "0", "preset": "veryfast", "crf": "10"}
        for n in range(FRAMES):
            cells = [255 * (n >> bit & 1) for bit in range(96 // COUNTER_CELL)]
            row = np.repeat(np.array(cells, np.uint8), COUNTER_CELL)
            picture = np.broadcast_to(row[None, :, None], (32, 96, 3)).copy()
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = n + first_pts, Fraction(1, FPS)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def make_take(path: Path, duration_s: Fraction) -> Path:
    """A take with a click at its very start."""
    sound = np.zeros(round(duration_s * RATE_HZ))
    sound[:240] = 0.8 * np.sin(2 * np.pi * 2000 * np.arange(240) / RATE_HZ)
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_24")
    return path


def read(path: Path) -> tuple[list[tuple[float, int]], float, float, np.ndarray]:
    """Time and number of every picture; the sound's start, end and samples."""
    with av.open(str(path)) as container:
        pictures = []
        for frame in container.decode(video=0):
            row = frame.to_ndarray(format="gray")[16, COUNTER_CELL // 2 :: COUNTER_CELL]
            number = sum(int(value > 127) << bit for bit, value in enumerate(row))
            pictures.append((float(frame.pts * frame.time_base), number))
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        start = float(frames[0].pts * frames[0].time_base)
        end = float(frames[-1].pts * frames[-1].time_base) + frames[-1].samples / RATE_HZ
    return pictures, start, end, samples


def run(tmp_path: Path, video: Path, start_s: Fraction, duration_s: Fraction, name="out.mp4"):
    take = make_take(tmp_path / "take.wav", duration_s)
    mux(video, start_s, duration_s, take, tmp_path / name)
    return read(tmp_path / name)


def encodes(monkeypatch) -> list[bool]:
    """Records each time that pictures are encoded anew."""
    calls = []
    original = mux_module._encoded

    def spy(*arguments):
        calls.append(True)
        return original(*arguments)

    monkeypatch.setattr(mux_module, "_encoded", spy)
    return calls


@pytest.mark.parametrize("first_pts", [0, 7])
@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.mov"])
def test_whole_file_is_copied(tmp_path, monkeypatch, first_pts, name):
    video = make_video(tmp_path / "in.mp4", first_pts=first_pts)
    anew = encodes(monkeypatch)
    pictures, start, end, _ = run(tmp_path, video, Fraction(0), Fraction(FRAMES, FPS), name)
    assert not anew
    assert [number for _, number in pictures] == list(range(FRAMES))
    # Matroska cannot hold the sound's negative start, so it moves both; together they stay.
    assert pictures[0][0] == pytest.approx(start, abs=AAC_FRAME_S + 1e-3)
    assert end - start == pytest.approx(FRAMES / FPS, abs=2 * AAC_FRAME_S)


def test_starts_together_and_lasts_as_long_as_the_take(tmp_path):
    video = make_video(tmp_path / "in.mp4")
    pictures, start, end, samples = run(tmp_path, video, Fraction(0), Fraction(2))
    assert pictures[0][0] == 0
    assert start == pytest.approx(0, abs=1e-6)
    assert end == pytest.approx(2, abs=AAC_FRAME_S)
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    assert loud[0] / RATE_HZ < 0.003


def test_key_frame_inside_is_copied_from(tmp_path, monkeypatch):
    video = make_video(tmp_path / "in.mp4")
    anew = encodes(monkeypatch)
    pictures, start, _, _ = run(tmp_path, video, Fraction(KEY_EVERY, FPS), Fraction(1))
    assert not anew
    assert pictures[0] == (0, KEY_EVERY)
    assert start == pytest.approx(0, abs=1e-6)
    numbers = [number for _, number in pictures]
    assert numbers == list(range(KEY_EVERY, KEY_EVERY + len(numbers)))
    assert FPS <= len(numbers) <= FPS + 4


@pytest.mark.parametrize("first_pts", [0, 7])
def test_between_key_frames_is_encoded_anew(tmp_path, monkeypatch, first_pts):
    video = make_video(tmp_path / "in.mp4", first_pts=first_pts)
    anew = encodes(monkeypatch)
    pictures, start, end, _ = run(tmp_path, video, Fraction(17, FPS), Fraction(30, FPS))
    assert anew
    assert [number for _, number in pictures] == list(range(17, 47))
    assert [at for at, _ in pictures] == pytest.approx([n / FPS for n in range(30)], abs=1e-3)
    assert start == pytest.approx(0, abs=1e-6)
    assert end == pytest.approx(30 / FPS, abs=AAC_FRAME_S)


def test_start_inside_a_picture_shows_that_picture(tmp_path):
    video = make_video(tmp_path / "in.mp4")
    start_s = Fraction(17, FPS) + Fraction(1, 100)
    pictures, _, _, _ = run(tmp_path, video, start_s, Fraction(1))
    assert pictures[0] == (0, 17)
    assert pictures[1][1] == 18
    assert pictures[1][0] == pytest.approx(1 / FPS - 0.01, abs=1e-3)


def test_codec_the_container_refuses_is_encoded_anew(tmp_path, monkeypatch):
    video = make_video(tmp_path / "in.avi", codec="ffvhuff", b_frames=0)
    anew = encodes(monkeypatch)
    pictures, start, _, _ = run(tmp_path, video, Fraction(0), Fraction(1))
    assert anew
    assert [number for _, number in pictures] == list(range(FPS))
    assert start == pytest.approx(0, abs=1e-6)


def test_errors_leave_nothing(tmp_path):
    video = make_video(tmp_path / "in.mp4")
    take = make_take(tmp_path / "take.wav", Fraction(1))
    out = tmp_path / "out.mp4"
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FileMissing):
        mux(tmp_path / "none.mp4", Fraction(0), Fraction(1), take, out)
    with pytest.raises(FileMissing):
        mux(video, Fraction(0), Fraction(1), tmp_path / "none.wav", out)
    with pytest.raises(SpanOutside):
        mux(video, Fraction(100), Fraction(1), take, out)
    with pytest.raises(OutputUnwritable):
        mux(video, Fraction(0), Fraction(1), take, tmp_path / "none" / "out.mp4")
    with pytest.raises(OutputUnwritable):
        mux(video, Fraction(0), Fraction(1), take, video)
    assert sorted(tmp_path.iterdir()) == before


def test_existing_file_is_replaced_only_when_asked(tmp_path):
    video = make_video(tmp_path / "in.mp4")
    take = make_take(tmp_path / "take.wav", Fraction(1))
    out = tmp_path / "out.mp4"
    out.write_bytes(b"mine")
    with pytest.raises(OutputUnwritable):
        mux(video, Fraction(0), Fraction(1), take, out)
    assert out.read_bytes() == b"mine"
    mux(video, Fraction(0), Fraction(1), take, out, overwrite=True)
    assert read(out)[0][0] == (0, 0)


def test_command_says_what_is_wrong_in_its_last_line(tmp_path):
    command = [sys.executable, "-m", "foleyline_server.media.mux", str(tmp_path / "none.mp4")]
    take = make_take(tmp_path / "take.wav", Fraction(1))
    done = subprocess.run(
        [*command, "0", "24024/24000", str(take), str(tmp_path / "out.mp4")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "none.mp4" in done.stderr.splitlines()[-1]
    assert issubclass(FileMissing, FoleyError)
