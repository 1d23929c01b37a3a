"""2,000 hostile media files through the real decoders. ``-k thousands -s`` prints the table."""

import random
import socket
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import av.error
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from media import Bait, disguised, mutated, write_sources
from watch import OpenedFiles

from foleyline_contract.errors import InputError
from foleyline_contract.messages import Clip
from foleyline_contract.specs import PictureSpec
from foleyline_server.media.decoders import Decoders

SPEC = PictureSpec(Fraction(125, 8), Fraction(4, 125), 48, 48, 1.0, "squash-bilinear")
TIMES = [Fraction(number) / SPEC.fps for number in range(7)]
CALM_S = 60.0
"""Far above what any file took; a decoder that makes no progress is ended after 30 s."""

CARELESS = {
    "safe": "0",
    "enable_drefs": "1",
    "use_absolute_path": "1",
    "extension_picky": "0",
    "allowed_extensions": "ALL",
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    written = write_sources(tmp_path_factory.mktemp("sources"))
    assert len(written) >= 12
    return written


def outcome(decoders: Decoders, path: Path, ask: str = "pictures") -> str:
    """What a file led to; anything but an answer or an InputError fails the test.

    Args:
        ask: ``pictures``, ``probed`` or ``cuts``.
    """
    clip = Clip(str(path), Fraction(0), Fraction(11, 25))
    try:
        if ask == "probed":
            decoders.probe(str(path))
            return "probed"
        if ask == "cuts":
            assert list(decoders.cuts(clip)) == [], "too short a clip for any"
            return "cuts"
        pictures = list(decoders.pictures(clip, SPEC, TIMES))
    except InputError as error:
        for known in ("gave up", "no progress", "memory", "breaks off"):
            if known in error.message:
                return f"{error.code}: {known}"
        return error.code
    assert [picture.shape for picture in pictures] == [(48, 48, 3)] * len(TIMES)
    return "pictures"


def storm(sources: list[Path], folder: Path, count: int, seed: int) -> Counter[str]:
    """Outcomes of ``count`` broken files, two at a time."""
    contents = [path.read_bytes() for path in sources]

    def one(number: int) -> str:
        draw = random.Random(seed * 1_000_003 + number)
        index = draw.randrange(len(sources))
        _, data = mutated(draw, contents[index], draw.choice(contents))
        path = folder / f"{number}{sources[index].suffix}"
        path.write_bytes(data)
        began_s = time.monotonic()
        ask = draw.choices(("pictures", "probed", "cuts"), (5, 3, 2))[0]
        result = outcome(decoders, path, ask)
        assert time.monotonic() - began_s < CALM_S, path
        path.unlink()
        return result

    with Decoders() as decoders, ThreadPoolExecutor(2) as threads:
        found = Counter(threads.map(one, range(count)))
        # Nobody was hurt: a sound file is read as before.
        assert outcome(decoders, sources[0]) == "pictures"
    return found


def test_sound_files_of_every_kind_are_read(sources: list[Path]) -> None:
    with Decoders() as decoders:
        for path in sources:
            for ask in ("pictures", "probed", "cuts"):
                assert outcome(decoders, path, ask) == ask, path.name


def test_broken_files(sources: list[Path], tmp_path: Path) -> None:
    found = storm(sources, tmp_path, 30, seed=1)
    assert found.total() == 30 and found["pictures"] and found["file_unreadable"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thousands_of_broken_files(sources: list[Path], tmp_path: Path) -> None:
    began_s = time.monotonic()
    found = storm(sources, tmp_path, 2000, seed=2)
    print(f"\n{time.monotonic() - began_s:.0f} s")
    for name, count in found.most_common():
        print(f"{count:5d} {name}")
    assert found.total() == 2000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who opens what")
def test_no_other_file_is_opened(sources: list[Path], tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "secret" / "here"
    folder.mkdir(parents=True)
    bait_file = secret / "bait.mp4"
    bait_file.write_bytes(sources[0].read_bytes())
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        OpenedFiles(secret) as opened,
        Decoders() as decoders,
    ):
        listening.settimeout(0)
        port = listening.getsockname()[1]
        bait = Bait(bait_file, f"http://127.0.0.1:{port}/bait.mp4")
        paths = list(disguised(folder, sources[0], bait))
        with ThreadPoolExecutor(2) as threads:
            results = list(threads.map(lambda path: outcome(decoders, path), paths))
        assert "bait.mp4" not in opened.names()
        with pytest.raises(BlockingIOError):
            listening.accept()
        # Who reads them without our care does open it, and is seen.
        for kind in ("concat", "hls", "reference"):
            for path in (path for path in paths if path.name.startswith(kind)):
                with suppress(av.error.FFmpegError, OSError, ValueError):
                    av.open(str(path), options=CARELESS, timeout=1).close()
            assert "bait.mp4" in opened.names(), kind
    assert len(paths) >= 40
    for path, result in zip(paths, results, strict=True):
        # What such a movie holds itself may be shown.
        allowed = ("no_picture", "file_unreadable", *["pictures"] * ("reference" in path.name))
        assert result in allowed, path.name
