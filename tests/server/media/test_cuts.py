"""Films of known shots, through the real decoder process."""

from collections.abc import Callable
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
    InputError,
    SpanOutside,
)
from foleyline_contract.messages import Clip
from foleyline_server.media.cuts import find_cuts
from foleyline_server.media.decoders import Decoders

FPS = 24


def place(number: int) -> np.ndarray:
    """A picture like no other."""
    coarse = np.random.default_rng(number).integers(20, 235, (6, 8, 3), np.uint8)
    return np.kron(coarse, np.ones((12, 12, 1), np.uint8))


def shot(number: int, count: int) -> list[np.ndarray]:
    """A place that the camera moves past."""
    return [np.roll(place(number), n // 4, axis=1) for n in range(count)]


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., str]:
    """Writes pictures as a film, shown at these times."""

    def write(pictures: list[np.ndarray], stamps_s: list[Fraction] | None = None) -> str:
        stamps_s = stamps_s or steady(len(pictures), FPS)
        path = tmp_path / "film.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=FPS)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            for picture, stamp_s in zip(pictures, stamps_s, strict=True):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
                frame.pts, frame.time_base = round(stamp_s * 1000), Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return str(path)

    return write


def numbers(decoders: Decoders, path: str, count: int, start: int = 0, speed=1) -> list[int]:
    """Which pictures of the file follow cuts, told from a clip of ``count`` of them."""
    start_s, speed = Fraction(start, FPS), Fraction(speed)
    clip = Clip(path, start_s, Fraction(count, FPS) / speed, speed)
    cuts_s = list(decoders.cuts(clip))
    assert cuts_s == list(find_cuts(clip))
    return [round((start_s + cut_s * speed) * FPS) for cut_s in cuts_s]


def test_cuts_are_found_on_their_pictures(decoders: Decoders, film) -> None:
    path = film(shot(1, 30) + shot(2, 25) + shot(3, 30))
    assert numbers(decoders, path, 85) == [30, 55]
    assert numbers(decoders, path, 50, start=15) == [30]
    assert numbers(decoders, path, 85, speed=Fraction(3, 2)) == [30, 55]
    assert numbers(decoders, path, 85, speed=Fraction(1, 3)) == [30, 55]
    assert numbers(decoders, path, 30) == []


def test_a_cuts_time_is_its_pictures_stamp(decoders: Decoders, film) -> None:
    stamps_s = steady(60, FPS)
    stamps_s[30:] = [stamp_s + Fraction(333, 1000) for stamp_s in stamps_s[30:]]
    path = film(shot(1, 30) + shot(2, 30), stamps_s)
    (cut_s,) = decoders.cuts(Clip(path, Fraction(1, 3), Fraction(2), Fraction(5, 4)))
    assert cut_s == (Fraction(1583, 1000) - Fraction(1, 3)) / Fraction(5, 4)


def test_shots_of_less_than_half_a_second_are_not_told_apart(decoders: Decoders, film) -> None:
    cut_away = shot(1, 68)
    cut_away[30:38] = shot(2, 8)
    path = film(cut_away + shot(3, 9) + shot(4, 30))
    assert numbers(decoders, path, 107) == [68]


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_flash_is_no_cut(decoders: Decoders, film, count: int) -> None:
    pictures = shot(1, 70)
    for n in range(30, 30 + count):
        pictures[n] = (255 - (255 - pictures[n]) // 8).astype(np.uint8)
    assert numbers(decoders, film(pictures), 70) == []


def test_a_lamp_a_dissolve_and_a_fade_are_no_cuts(decoders: Decoders, film) -> None:
    a, b = shot(1, 90), shot(2, 90)
    lamp = [picture // (4 if n < 30 else 1) for n, picture in enumerate(a)]
    weights = [min(1.0, max(0.0, (n - 30) / 24)) for n in range(90)]
    mixed = [(p * (1 - w) + q * w).astype(np.uint8) for p, q, w in zip(a, b, weights, strict=True)]
    dark = [(p * abs(1 - 2 * w)).astype(np.uint8) for p, w in zip(a, weights, strict=True)]
    for pictures in (lamp, mixed, dark):
        assert numbers(decoders, film(pictures), 90) == []


def test_what_the_file_lacks_is_said(decoders: Decoders, movie: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_bytes(b"hello " * 999)
    for path, start_s, error in (
        (movie, 9, SpanOutside),
        (tmp_path / "no.mp4", 0, FileMissing),
        (tmp_path / "text.mp4", 0, FileUnreadable),
    ):
        with pytest.raises(error, match=path.name):
            list(decoders.cuts(Clip(str(path), Fraction(start_s), Fraction(2))))
        assert decoders.probe(str(movie)).width_px == 64


def test_damaged_files_end_in_an_answer(decoders: Decoders, tmp_path: Path) -> None:
    sound = write_video(tmp_path / "a.mp4", steady(50, 25)).read_bytes()
    rng, path = np.random.default_rng(5), tmp_path / "damaged.mp4"
    for _ in range(6):
        damaged = bytearray(sound)
        for at in rng.integers(len(sound), size=40):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            assert all(
                0 < cut_s < 2 for cut_s in decoders.cuts(Clip(str(path), Fraction(0), Fraction(2)))
            )
        except InputError as error:
            assert error.message


def test_a_search_can_be_cancelled(decoders: Decoders, movie: Path) -> None:
    def check() -> None:
        raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        list(decoders.cuts(Clip(str(movie), Fraction(0), Fraction(9)), check))
