"""Where logs and programs lie, by each platform's rules."""

import sys
from pathlib import Path

import pytest

from foleyline_client import server_process
from foleyline_client.server_process import find_server_command, log_folder
from foleyline_contract.errors import ServerStartFailed

HOME = Path("/home/ed")


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, "/home/ed/.local/state/foleyline"),
        ("linux", {"XDG_STATE_HOME": "/state"}, "/state/foleyline"),
        ("linux", {"XDG_STATE_HOME": "relative"}, "/home/ed/.local/state/foleyline"),
        ("darwin", {"XDG_STATE_HOME": "/state"}, "/home/ed/Library/Logs/Foleyline"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/Foleyline/Logs"),
        ("win32", {}, "/home/ed/AppData/Local/Foleyline/Logs"),
    ],
)
def test_log_folder(platform, environ, expected):
    assert log_folder(platform, environ, HOME) == Path(expected)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders where a server's program may be, in the order of preference."""
    beside, path, home = (tmp_path / name for name in ("beside", "path", "home"))
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr(Path, "home", lambda: home)
    return [beside, path, home / ".local" / "bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_program_is_found_in_order(places):
    with pytest.raises(ServerStartFailed, match="not installed"):
        find_server_command()
    for folder in reversed(places):
        folder.mkdir(parents=True)
        program = folder / server_process.SERVER_PROGRAM
        program.touch(0o755)
        assert find_server_command() == [str(program)]
