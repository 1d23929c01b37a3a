"""What ``foley doctor`` finds."""

import json
import os
import socket
import sys

import pytest

from foleyline_client import doctor, launcher, server_process
from foleyline_client.cli import main
from foleyline_contract.check import OK, PROBLEM, WARNING, Check, said_of
from foleyline_contract.messages import ServerStatus


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Nothing of this machine's own is looked at or written to."""
    monkeypatch.setattr(launcher, "FIRST_HELLO_S", 0.1)  # nobody answers
    monkeypatch.setattr(doctor, "log_folder", lambda: tmp_path / "logs")
    monkeypatch.setattr(doctor, "find_server_command", lambda: program(tmp_path, "print('[]')"))
    return tmp_path


def program(folder, text: str) -> list[str]:
    script = folder / "server.py"
    script.write_text(text)
    return [sys.executable, str(script)]


def found(address: str, key: str | None = None) -> dict[str, Check]:
    return {check.name: check for check in doctor.check_all(address, key)}


@pytest.fixture
def silent():
    """An address at which another kind of program listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"tcp://127.0.0.1:{other.getsockname()[1]}"


def test_all_is_well(start_server, monkeypatch):
    monkeypatch.setattr(launcher, "FIRST_HELLO_S", 5.0)
    checks = found(start_server().address)
    assert {check.state for check in checks.values()} == {OK}, checks
    assert {"client", "log folder", "server program", "server", "takes", "disk"} <= checks.keys()
    assert checks["sound palette"].said == "mini can be asked for wood, metal, footstep_loose"


def test_no_server_is_no_problem_here():
    assert found("tcp://127.0.0.1:9")["server"].state == OK


def test_another_program_has_the_port(silent):
    check = found(silent)["server"]
    assert check.state == PROBLEM
    assert "no Foleyline server" in check.said
    assert "another port" in check.remedy


def test_another_machine():
    checks = found("tcp://192.0.2.1:1")
    assert checks["key"].state == PROBLEM
    assert "log folder" not in checks


def test_a_key_that_is_none(tmp_path):
    (tmp_path / "a.foleykey").write_text("x")
    assert found("tcp://127.0.0.1:9", str(tmp_path / "a.foleykey"))["key"].state == PROBLEM


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="POSIX permissions, which root ignores"
)
def test_a_log_folder_of_somebody_else(home):
    (home / "logs").mkdir(mode=0o500)
    assert found("tcp://127.0.0.1:9")["log folder"].state == PROBLEM


def test_a_log_folder_that_cannot_be(home):
    (home / "logs").touch()
    check = found("tcp://127.0.0.1:9")["log folder"]
    assert check.state == PROBLEM
    assert check.remedy


def test_no_server_is_installed(monkeypatch):
    monkeypatch.setattr(doctor, "find_server_command", server_process.find_server_command)
    monkeypatch.setattr(server_process.shutil, "which", lambda *_, **__: None)
    assert found("tcp://127.0.0.1:9")["server program"].state == WARNING


def test_what_the_server_says_of_itself(home, monkeypatch):
    said = [{"name": "bundle", "state": PROBLEM, "said": "x is damaged.", "remedy": "Again."}]
    command = program(
        home, f"import sys; print({json.dumps(said)!r} if 'doctor' in sys.argv else '')"
    )
    monkeypatch.setattr(doctor, "find_server_command", lambda: command)
    assert found("tcp://127.0.0.1:9")["bundle"] == Check(
        "bundle", PROBLEM, "x is damaged.", "Again."
    )


@pytest.mark.parametrize("text", ["", "print('{}')", "print('[1]')", "raise SystemExit('no')"])
def test_a_server_that_cannot_say(home, monkeypatch, text):
    command = program(home, text)
    monkeypatch.setattr(doctor, "find_server_command", lambda: command)
    assert found("tcp://127.0.0.1:9")["server's own"].state == PROBLEM


def test_room_that_runs_out():
    full = ServerStatus(0, 0, 1.0, 10**9, 10**9, 9 * 10**8, 10**6, 0)
    assert [check.state for check in doctor._room(full)] == [WARNING, WARNING]
    assert "foley fetch" in next(doctor._room(full)).remedy


def test_the_command(silent, capsys):
    assert main(["doctor", "--server", "tcp://127.0.0.1:9"]) == 0
    assert "OK" in capsys.readouterr().out
    assert main(["doctor", "--server", silent, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert PROBLEM in {check["state"] for check in said}


def test_lines():
    lines = said_of([Check("a", OK, "Fine."), Check("long name", PROBLEM, "Not.", "Do this.")])
    assert lines == [
        "OK       a          Fine.",
        "problem  long name  Not.",
        "                    Do this.",
    ]
