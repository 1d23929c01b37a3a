"""The stub engine's clicks, which other tests prove placement by."""

from fractions import Fraction
from pathlib import Path

import pytest
from coded_video import steady, write_video
from stub_engine import clicks_pcm, flashes

from foleyline_contract.errors import SpanOutside
from foleyline_contract.messages import Clip


def film(path: Path, count: int, flash_at: set[int], **options) -> str:
    levels = [230 if n in flash_at else 20 for n in range(count)]
    stamps = options.pop("stamps", steady(count, 25))
    return str(write_video(path / "film.mp4", stamps, levels=levels, **options))


def test_a_click_for_every_flash_where_its_frame_begins(tmp_path: Path) -> None:
    path = film(tmp_path, 50, {10, 11, 30})
    assert flashes(Clip(path, Fraction(0), Fraction(2))) == [19200, 57600]


def test_a_clip_that_begins_on_a_flash_or_behind_its_start(tmp_path: Path) -> None:
    path = film(tmp_path, 50, {10, 11, 30})
    assert flashes(Clip(path, Fraction(10, 25), Fraction(1))) == [0, 38400]
    assert flashes(Clip(path, Fraction(11, 25), Fraction(1))) == [36480]


def test_speed_moves_them(tmp_path: Path) -> None:
    path = film(tmp_path, 50, {30})
    assert flashes(Clip(path, Fraction(5, 25), Fraction(9, 10), Fraction(2))) == [24000]
    assert flashes(Clip(path, Fraction(0), Fraction(4), Fraction(1, 2))) == [115200]


def test_uneven_frames_are_told_by_their_own_time(tmp_path: Path) -> None:
    stamps = [Fraction(n * n, 1000) for n in range(40)]
    path = film(tmp_path, 40, {13}, stamps=stamps)
    assert flashes(Clip(path, Fraction(0), Fraction(1))) == [169 * 48]


def test_a_clip_outside_its_file_is_refused_as_ever(tmp_path: Path) -> None:
    path = film(tmp_path, 25, set())
    with pytest.raises(SpanOutside):
        flashes(Clip(path, Fraction(0), Fraction(5)))


def test_clicks_are_loudest_at_once_and_tell_the_seed() -> None:
    pcm = clicks_pcm(48000, [100, 30000], seed=1)
    loud = [n for n in range(48000) if pcm[3 * n + 2] in range(60, 66)]
    assert loud[0] == 100 and 30000 in loud and len(pcm) == 3 * 48000
    assert clicks_pcm(48000, [100], 1) != clicks_pcm(48000, [100], 2)
    assert clicks_pcm(48000, [], 3) == clicks_pcm(48000, [0, 24000], 3)
