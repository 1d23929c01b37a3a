"""Finding, starting and stopping a server that is a real process."""

import os
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from foleyline_client import launcher
from foleyline_client.key_file import read_key
from foleyline_client.launcher import connect, connect_or_start, stop
from foleyline_contract.client_key import ClientKey
from foleyline_contract.errors import (
    Cancelled,
    ServerStartFailed,
    ServerUnreachable,
    SettingInvalid,
)
from foleyline_server.keygen import make_client_key, make_server_keys
from foleyline_server.service.keys import Guard, load_server_keys, new_key_pair

FAKES = Path(__file__).parents[1] / "fakes"
SERVER = [sys.executable, str(FAKES / "stub_server.py"), "--job-s", "0.1"]


def program(tmp_path: Path, text: str) -> list[str]:
    script = tmp_path / "program.py"
    script.write_text(text)
    return [sys.executable, str(script)]


@pytest.fixture
def address():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return f"tcp://127.0.0.1:{port}"


@pytest.fixture
def stopped(address):
    """Leaves no server behind."""
    yield
    stop(address)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(launcher, "FIRST_HELLO_S", 0.2)
    monkeypatch.setattr(launcher, "FAR_HELLO_S", 1.0)
    monkeypatch.setattr(launcher, "_HELLO_S", 0.1)


def test_connects_to_a_server_that_runs(start_server, tmp_path):
    server = start_server()
    session, welcome = connect_or_start(server.address, command=["/none"], folder=tmp_path)
    session.close()
    assert welcome.default_bundle == "mini"
    assert list(tmp_path.iterdir()) == []


def test_starts_one_that_outlives_the_client(address, stopped, tmp_path):
    said = []
    session, _ = connect_or_start(
        address, command=SERVER, folder=tmp_path / "logs", on_status=said.append, timeout_s=20
    )
    session.close()
    assert said[0] == "Starting the server…"
    assert "LISTENING" in (tmp_path / "logs" / "server.log").read_text()
    session, _ = connect(address)
    session.close()
    assert stop(address)
    assert not stop(address)


def test_two_clients_start_one_server(address, stopped, tmp_path, monkeypatch):
    monkeypatch.setattr(launcher, "_HELLO_S", 1.0)  # or a busy machine's answer comes too late
    started = tmp_path / "started"
    command = program(
        tmp_path,
        f"import runpy, sys\nopen({str(started)!r}, 'a').write('x')\n"
        f"sys.path.insert(0, {str(FAKES)!r})\n"
        f"runpy.run_path({str(FAKES / 'stub_server.py')!r}, run_name='__main__')\n",
    )
    runs = []

    def start() -> None:
        session, welcome = connect_or_start(address, command=command, folder=tmp_path, timeout_s=20)
        runs.append(welcome.run_id)
        session.close()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert started.read_text() == "x"
    assert len(runs) == 3
    assert len(set(runs)) == 1


def test_server_that_ends_at_once(address, tmp_path):
    command = program(tmp_path, "print('warming up'); raise SystemExit('no GPU driver')")
    began = time.monotonic()
    with pytest.raises(ServerStartFailed) as caught:
        connect_or_start(address, command=command, folder=tmp_path, timeout_s=20)
    assert caught.value.detail == "no GPU driver"
    assert str(tmp_path / "server.log") in caught.value.remedy
    assert time.monotonic() - began < 5


def test_an_older_servers_last_words_are_not_taken_for_ours(address, tmp_path):
    (tmp_path / "server.log").write_text("old words\n")
    with pytest.raises(ServerStartFailed) as caught:
        connect_or_start(address, command=program(tmp_path, ""), folder=tmp_path, timeout_s=20)
    assert caught.value.detail == ""


def test_server_that_never_answers_is_ended(address, tmp_path):
    command = program(
        tmp_path,
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(60)",
    )
    with pytest.raises(ServerStartFailed, match="did not answer"):
        connect_or_start(address, command=command, folder=tmp_path, timeout_s=0.6)
    _await_end(int((tmp_path / "pid").read_text()))


def test_waiting_can_be_cancelled_and_ends_the_server(address, tmp_path):
    command = program(
        tmp_path,
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(60)",
    )

    def status(text: str) -> None:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            raise Cancelled("The connection attempt was cancelled.")

    with pytest.raises(Cancelled):
        connect_or_start(address, command=command, folder=tmp_path, on_status=status)
    _await_end(int((tmp_path / "pid").read_text()))


def _await_end(pid: int) -> None:
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail("the server still runs")


def test_program_that_cannot_be_run(address, tmp_path):
    with pytest.raises(ServerStartFailed, match="could not be started"):
        connect_or_start(address, command=[str(tmp_path / "none")], folder=tmp_path)


def test_log_folder_that_cannot_be_made(address, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ServerStartFailed, match="log folder"):
        connect_or_start(address, command=SERVER, folder=tmp_path / "file" / "logs")


def test_nothing_is_started_for_another_machine(tmp_path):
    marker = tmp_path / "started"
    command = program(tmp_path, f"open({str(marker)!r}, 'w')")
    with pytest.raises(SettingInvalid, match="key is needed"):
        connect_or_start("tcp://192.0.2.1:1", command=command, folder=tmp_path)
    with pytest.raises(ServerUnreachable):
        connect_or_start("tcp://192.0.2.1:1", key=KEY, command=command, folder=tmp_path)
    time.sleep(0.2)
    assert not marker.exists()


# ---- keys ------------------------------------------------------------------------------------

KEY = ClientKey("ada", *(3 * ["a" * 40]))


@pytest.fixture
def guarded(start_server, tmp_path, monkeypatch):
    """A server that asks for keys, and one that it knows."""
    monkeypatch.setattr(launcher, "FIRST_HELLO_S", 5.0)
    make_server_keys(tmp_path / "keys")
    key = read_key(make_client_key(tmp_path / "keys", "ada"))
    keys = load_server_keys(tmp_path / "keys")
    return start_server(guard=partial(Guard, keys=keys)), key


def test_a_known_key_opens_the_door(guarded):
    server, key = guarded
    session, welcome = connect(server.address, key=key, timeout_s=5)
    with session:
        assert welcome.default_bundle == "mini"
        assert session.all_jobs() == ()


def test_who_is_not_let_in_is_told_what_to_do(guarded, tmp_path):
    server, key = guarded
    with pytest.raises(ServerUnreachable, match="only clients with a key") as caught:
        connect(server.address)
    assert "--key" in caught.value.remedy
    stranger = new_key_pair()
    unknown = ClientKey("bob", stranger.public, stranger.secret, key.server)
    with pytest.raises(ServerUnreachable, match="does not accept the key 'bob'"):
        connect(server.address, key=unknown)
    elsewhere = ClientKey("ada", key.public, key.secret, stranger.public)
    with pytest.raises(ServerUnreachable, match="with the key 'ada'") as caught:
        connect(server.address, key=elsewhere)
    assert "another's" in caught.value.remedy


def test_a_server_that_asks_for_keys_is_not_started_over(guarded, tmp_path):
    server, _ = guarded
    command = program(tmp_path, "print('address in use'); raise SystemExit(1)")
    with pytest.raises(ServerUnreachable, match="only clients with a key"):
        connect_or_start(server.address, command=command, folder=tmp_path, timeout_s=5)


def test_long_log_is_put_aside(address, tmp_path, monkeypatch):
    (tmp_path / "server.log").write_bytes(b"x" * (5 << 20))
    with pytest.raises(ServerStartFailed):
        connect_or_start(address, command=program(tmp_path, ""), folder=tmp_path, timeout_s=20)
    assert (tmp_path / "server.log").stat().st_size < 1000
    assert (tmp_path / "server.old.log").stat().st_size == 5 << 20
