import pytest
from foleyline_addon import connector
from foleyline_addon.notices import Connect
from session import WELCOME, FakeSession

from foleyline_contract.errors import ServerStartFailed, ServerUnreachable

ADDRESS = "tcp://127.0.0.1:19347"


class FakeLauncher:
    def __init__(self, runs):
        self.runs = runs
        self.started = None
        self.key = None

    def connect(self, _address, *, key):
        self.key = key
        if not self.runs:
            raise ServerUnreachable("Nothing answers.")
        return FakeSession(), WELCOME

    def connect_or_start(self, _address, *, command, on_status):
        self.started = command
        on_status("Starting the server…")
        return FakeSession(), WELCOME


def connect(monkeypatch, launcher, **order):
    monkeypatch.setattr(connector, "launcher", launcher)
    return connector.connect(Connect(ADDRESS, **order), lambda _text: None)


def test_a_running_server_is_not_started(monkeypatch):
    launcher = FakeLauncher(runs=True)
    assert connect(monkeypatch, launcher, start=True, program="/not/there")[1] is WELCOME
    assert launcher.started is None


def test_the_key_file_is_read(monkeypatch, tmp_path):
    launcher = FakeLauncher(runs=True)
    monkeypatch.setattr(connector, "read_key", lambda path: f"key of {path}")
    connect(monkeypatch, launcher, key="/k/anna.foleykey")
    assert launcher.key == "key of /k/anna.foleykey"


def test_none_is_started_unless_asked_for(monkeypatch):
    with pytest.raises(ServerUnreachable):
        connect(monkeypatch, FakeLauncher(runs=False), start=False)


def test_the_wanted_program_is_started(monkeypatch, tmp_path):
    program = tmp_path / "foley-server"
    program.touch(mode=0o755)
    launcher = FakeLauncher(runs=False)
    connect(monkeypatch, launcher, start=True, program=str(program))
    assert launcher.started == [str(program)]


def test_a_wrong_path_says_so(tmp_path):
    with pytest.raises(ServerStartFailed, match="preferences") as caught:
        connector.server_command(str(tmp_path / "foley-server"))
    assert "preferences" in caught.value.remedy


def test_a_missing_program_names_the_remedy(monkeypatch):
    def find():
        raise ServerStartFailed("The server is not installed.")

    monkeypatch.setattr(connector, "find_server_command", find)
    with pytest.raises(ServerStartFailed) as caught:
        connector.server_command("")
    assert caught.value.remedy == connector.INSTALL_REMEDY
