import os
import socket
import sys
from pathlib import Path

import pytest

from foleyline_contract.errors import FileMissing, FileUnreadable
from foleyline_server.media.source_file import open_regular_file


def test_a_regular_file_is_opened_to_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"picture")
    descriptor = open_regular_file(str(path))
    try:
        assert os.read(descriptor, 100) == b"picture"
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", ["no.mp4", "folder", "folder/../no.mp4", "nul\0.mp4"])
def test_what_is_not_there_or_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileMissing):
        open_regular_file(str(tmp_path / name))
    with pytest.raises(FileMissing):
        open_regular_file("relative.mp4")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_a_file_of_another_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        for path in (tmp_path / "pipe.mp4", tmp_path / "s", Path("/dev/zero")):
            with pytest.raises(FileMissing):
                open_regular_file(str(path))


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="may read whatever there is"
)
def test_what_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "private.mp4"
    path.touch(mode=0)
    with pytest.raises(FileUnreadable, match=r"private\.mp4"):
        open_regular_file(str(path))
