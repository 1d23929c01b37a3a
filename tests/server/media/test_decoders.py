import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from coded_video import steady, write_video

from foleyline_contract.errors import (
    Cancelled,
    FileMissing,
    FileUnreadable,
    NoPicture,
    ServerBusy,
    ServerError,
    SpanOutside,
)
from foleyline_contract.messages import Clip
from foleyline_contract.specs import PictureSpec
from foleyline_server.media.decoder_line import Patience
from foleyline_server.media.decoder_process import DecoderProcess
from foleyline_server.media.decoders import Decoders
from foleyline_server.media.frames import iter_pictures, probe
from foleyline_server.media.framing import ANSWER_HEAD, Kind

SPEC = PictureSpec(Fraction(25), Fraction(1, 50), 16, 24, 1.0, "squash-bilinear")
SIZE = 16 * 24 * 3


def grid(count: int) -> list[Fraction]:
    return [Fraction(number) / SPEC.fps for number in range(count)]


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with Decoders() as decoders:
        decoders.warm()
        yield decoders


# ---- real decoders -----------------------------------------------------------------------


def test_pictures_are_those_of_the_same_work_done_here(decoders: Decoders, movie: Path) -> None:
    clip = Clip(str(movie), Fraction(1, 3), Fraction(5), Fraction(3, 2))
    here = list(iter_pictures(clip, SPEC, grid(125)))
    there = list(decoders.pictures(clip, SPEC, iter(grid(125))))
    assert len(there) == 125
    assert np.array_equal(np.stack(here), np.stack(there))


def hard_videos(folder: Path) -> Iterator[Path]:
    lengths = (40, 10, 200, 35, 300, 20)
    stamps = [Fraction(sum(lengths[:k]), 1000) + 2 for k in range(len(lengths))]
    yield write_video(folder / "variable.mkv", stamps, options={"bf": "2"})
    yield write_video(folder / "late.ts", [stamp + 3 for stamp in steady(30, 50)])
    yield write_video(folder / "turned.mov", steady(20, 25), rotation=90)
    yield write_video(folder / "odd.avi", steady(20, 25), codec="ffv1", size=(63, 47))
    for name, codec, pixel_format in (
        ("alpha.mov", "prores_ks", "yuva444p10le"),
        ("deep.mkv", "libx264", "yuv420p10le"),
        ("moving.gif", "gif", "rgb8"),
    ):
        path = folder / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
            for grey in range(0, 250, 10):
                pixels = np.full((48, 64, 3), grey, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            container.mux(stream.encode())
        yield path


def test_hard_files_are_read_as_here(decoders: Decoders, tmp_path: Path) -> None:
    for path in hard_videos(tmp_path):
        clip = Clip(str(path), Fraction(1, 25), Fraction(1, 2))
        here = list(iter_pictures(clip, SPEC, grid(12)))
        there = list(decoders.pictures(clip, SPEC, grid(12)))
        assert np.array_equal(np.stack(here), np.stack(there)), path.name
        assert decoders.probe(str(path)) == probe(str(path)), path.name


def test_a_picture_that_stays_is_the_same_object(decoders: Decoders, movie: Path) -> None:
    clip = Clip(str(movie), Fraction(1), Fraction(2))
    times = [Fraction(n, 100) for n in (0, 4, 4, 40)]
    pictures = list(decoders.pictures(clip, SPEC, times))
    assert pictures[1] is pictures[2] and pictures[2] is not pictures[3]
    assert list(decoders.pictures(clip, SPEC, [])) == []


def test_errors_are_the_same_and_the_next_file_is_read(
    decoders: Decoders, movie: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.mp4").write_bytes(b"hello " * 999)
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{movie}'\n")
    for path, start_s, error in (
        (movie, 9, SpanOutside),
        (tmp_path / "no.mp4", 0, FileMissing),
        (tmp_path / "text.mp4", 0, FileUnreadable),
        (tmp_path / "list.mp4", 0, NoPicture),
    ):
        with pytest.raises(error, match=path.name) as caught:
            list(decoders.pictures(Clip(str(path), Fraction(start_s), Fraction(2)), SPEC, grid(50)))
        assert caught.value.remedy == error.default_remedy
        assert decoders.probe(str(movie)).width_px == 64
    with pytest.raises(NoPicture):
        decoders.probe(str(tmp_path / "list.mp4"))


def test_several_threads_decode_at_once(decoders: Decoders, movie: Path) -> None:
    def work(start_s: int) -> np.ndarray:
        clip = Clip(str(movie), Fraction(start_s), Fraction(2))
        return np.stack(list(decoders.pictures(clip, SPEC, grid(50))))

    with ThreadPoolExecutor(4) as threads:
        seen = list(threads.map(work, range(4)))
    for start_s, pictures in enumerate(seen):
        assert np.array_equal(pictures, work(start_s))


def test_a_cancelled_job_ends_its_decoder_and_no_other(movie: Path) -> None:
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 30:
            raise Cancelled("The job was cancelled.")

    clip = Clip(str(movie), Fraction(0), Fraction(2))
    decoder = DecoderProcess()
    try:
        with pytest.raises(Cancelled):
            list(decoder.pictures(clip, SPEC, grid(50), check))
        assert not decoder.at_rest
    finally:
        decoder.close()
    assert not decoder.alive
    with Decoders() as decoders:
        calls = 0
        with pytest.raises(Cancelled):
            list(decoders.pictures(clip, SPEC, grid(50), check))
        assert len(list(decoders.pictures(clip, SPEC, grid(50)))) == 50


def test_where_no_descriptor_can_be_handed_over_the_path_is_opened(
    movie: Path, tmp_path: Path
) -> None:
    decoder = DecoderProcess(hands_over=False)
    try:
        assert decoder.probe(str(movie), lambda: None) == probe(str(movie))
        clip = Clip(str(movie), Fraction(0), Fraction(2))
        assert len(list(decoder.pictures(clip, SPEC, grid(50), lambda: None))) == 50
        with pytest.raises(FileMissing):
            decoder.probe(str(tmp_path / "no.mp4"), lambda: None)
        assert decoder.at_rest
    finally:
        decoder.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows opens by path")
def test_the_file_that_was_opened_is_read_whatever_takes_its_place(
    movie: Path, tmp_path: Path
) -> None:
    path = tmp_path / "replaced.mp4"
    path.write_bytes(movie.read_bytes())
    decoder = DecoderProcess()

    def times() -> Iterator[Fraction]:
        path.unlink()
        path.write_bytes(b"another")
        yield from grid(10)

    try:
        clip = Clip(str(path), Fraction(0), Fraction(2))
        assert len(list(decoder.pictures(clip, SPEC, times(), lambda: None))) == 10
    finally:
        decoder.close()


def test_a_defect_is_the_files_fault_and_told_to_the_log(movie: Path) -> None:
    code = """
from foleyline_server.media import decoder
decoder.probe = lambda *_: 1 / 0
decoder.main()
"""
    with Decoders((sys.executable, "-c", code)) as decoders:
        with pytest.raises(FileUnreadable, match="gave up") as caught:
            decoders.probe(str(movie))
        assert "ZeroDivisionError" in caught.value.detail


def test_decoders_end_with_their_server(movie: Path) -> None:
    # Whoever still holds the pipe of standard error is alive.
    code = """
import os, signal, sys
from fractions import Fraction
from foleyline_contract.messages import Clip
from foleyline_contract.specs import PictureSpec
from foleyline_server.media.decoders import Decoders

decoders = Decoders()
decoders.warm()
spec = PictureSpec(Fraction(25), Fraction(0), 16, 16, 1.0, "squash-bilinear")
clip = Clip(sys.argv[1], Fraction(0), Fraction(5))
times = (Fraction(number, 25) for number in range(125))
next(decoders.pictures(clip, spec, times))
decoders.warm()
print("decoding", flush=True)
os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""
    command = [sys.executable, "-c", code, str(movie)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.strip() == "decoding" and done.returncode != 0


def test_the_server_decodes_without_pyav() -> None:
    code = "import sys, foleyline_server.media.decoders; print('av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_there_is_no_decoder_after_the_end(movie: Path) -> None:
    decoders = Decoders()
    decoders.close()
    decoders.warm()
    with pytest.raises(ServerBusy):
        decoders.probe(str(movie))


# ---- decoders that a file has taken over ------------------------------------------------


def answer(kind: int, content: bytes = b"", length: int | None = None) -> bytes:
    return ANSWER_HEAD.pack(kind, len(content) if length is None else length) + content


def saying(*answers: bytes, then: str = "time.sleep(60)") -> Decoders:
    """Decoders that say this, whatever they are asked."""
    said = answer(Kind.READY) + b"".join(answers)
    code = f"import os, sys, time\nos.write(1, {said!r})\n{then}"
    return Decoders((sys.executable, "-S", "-c", code), Patience(silent_s=0.3, picture_s=0.3))


def look(decoders: Decoders, path: Path, count: int = 3) -> None:
    clip = Clip(str(path), Fraction(0), Fraction(2))
    list(decoders.pictures(clip, SPEC, grid(count)))


PICTURE = answer(Kind.PICTURE, bytes(SIZE))


def test_a_decoder_that_keeps_to_the_rules_is_believed(movie: Path) -> None:
    with saying(PICTURE, answer(Kind.SAME), PICTURE, answer(Kind.DONE)) as decoders:
        look(decoders, movie)


@pytest.mark.parametrize("end", ["os.abort()", "sys.exit(3)", "os.close(0); os.close(1)"])
def test_a_decoder_that_dies(movie: Path, end: str) -> None:
    with saying(then=f"os.read(0, 9)\n{end}") as decoders:
        with pytest.raises(FileUnreadable, match=r"scene\.mp4.*the decoder gave up"):
            look(decoders, movie)
        with pytest.raises(FileUnreadable, match=r"scene\.mp4.*the decoder gave up"):
            decoders.probe(str(movie))


@pytest.mark.parametrize("said", [b"", PICTURE, answer(Kind.SAME)[:2]])
def test_a_decoder_that_falls_silent(movie: Path, said: bytes) -> None:
    with saying(said) as decoders, pytest.raises(FileUnreadable, match="no progress"):
        look(decoders, movie)


def test_a_decoder_that_always_makes_progress_and_never_a_picture(movie: Path) -> None:
    beat = answer(Kind.BEAT)
    more = f"while True:\n    os.write(1, {beat!r})\n    time.sleep(0.01)"
    with saying(then=more) as decoders, pytest.raises(FileUnreadable, match="no progress"):
        look(decoders, movie)


def test_a_pause_of_the_job_is_not_the_decoders_silence(movie: Path) -> None:
    said = PICTURE + answer(Kind.DONE)
    late = f"os.read(0, 9)\ntime.sleep(0.6)\nos.write(1, {said!r})\ntime.sleep(60)"
    with saying(then=late) as decoders:
        clip = Clip(str(movie), Fraction(0), Fraction(2))
        pausing = decoders.pictures(clip, SPEC, grid(1), lambda: time.sleep(0.4))
        assert len(list(pausing)) == 1


@pytest.mark.parametrize(
    "said",
    [
        answer(Kind.SAME),
        answer(Kind.DONE),
        answer(Kind.READY),
        answer(99),
        answer(Kind.PICTURE, bytes(SIZE - 1)),
        answer(Kind.PICTURE, length=2**32 - 1),
        PICTURE * 4,
        answer(Kind.PROBED, b"{}"),
        answer(Kind.ERROR, b"{}"),
        answer(Kind.ERROR, b"[" * 60_000),
        answer(Kind.ERROR, b'{"code": "cancelled", "message": "", "remedy": "", "detail": ""}'),
    ],
)
def test_answers_that_are_none(movie: Path, said: bytes) -> None:
    with saying(said) as decoders, pytest.raises(FileUnreadable, match=r"gave up|no progress"):
        look(decoders, movie)


def test_a_decoder_that_never_ends_talking(movie: Path) -> None:
    more = f"while True:\n    os.write(1, {PICTURE!r})"
    with saying(then=more) as decoders, pytest.raises(FileUnreadable, match="gave up"):
        look(decoders, movie)


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"\xff", b'{"duration_s": "1/0"}', b'{"fps": 1e999}', b"[" * 60_000],
)
def test_probes_that_are_none(movie: Path, content: bytes) -> None:
    said = answer(Kind.PROBED, content)
    with saying(said) as decoders, pytest.raises(FileUnreadable, match="gave up"):
        decoders.probe(str(movie))


def test_a_decoder_that_cannot_be_started(movie: Path, tmp_path: Path) -> None:
    for command in ((str(tmp_path / "none"),), (sys.executable, "-S", "-c", "raise SystemExit(1)")):
        with Decoders(command) as decoders, pytest.raises(ServerError, match="decoder"):
            decoders.probe(str(movie))


def cut(text: str) -> bytes:
    return answer(Kind.CUT, b'{"time_s": "%s"}' % text.encode())


@pytest.mark.parametrize(
    "said",
    [cut("1/9"), cut("-1/1"), cut("2/1"), cut("1/1") * 2, cut("1/0"), answer(Kind.CUT), PICTURE],
)
def test_cuts_that_are_none(movie: Path, said: bytes) -> None:
    clip = Clip(str(movie), Fraction(0), Fraction(2))
    with saying(said) as decoders, pytest.raises(FileUnreadable, match="gave up"):
        list(decoders.cuts(clip))
    with saying(cut("1/1"), answer(Kind.DONE)) as decoders:
        assert list(decoders.cuts(clip)) == [1]
